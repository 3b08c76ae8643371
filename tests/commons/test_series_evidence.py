"""Every number of a series indicator: computed again, by a second route, from its capsule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.commons.capsules import three_ways

from earthcommons.commons.stories.capsule import capsule
from earthcommons.commons.stories.verifying import verify
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.indicators.conftest import PackNode

ONE_OF_EACH = [
    ("sst-anomaly", "ec:nino34", "2015-11", {"measure": "anomaly"}),
    ("sea-ice-extent", "ec:antarctic", "2023-07", {"measure": "anomaly"}),
    ("lake-ice-duration", "ec:lake-mendota", "1851/2020", {"measure": "trend"}),
    ("stream-nitrate", "ec:quebrada-sonadora", "1990", {"measure": "median"}),
    (
        "trout-abundance",
        "ec:mack-creek",
        "1987",
        {"measure": "level", "species": "cutthroat-trout", "treatment": "all"},
    ),
]


@pytest.mark.parametrize(("key", "region", "period", "dims"), ONE_OF_EACH)
def test_a_number_comes_out_again_three_ways(
    shared_pack: PackNode,
    tmp_path: Path,
    key: str,
    region: str,
    period: str,
    dims: dict[str, str],
) -> None:
    id_ = shared_pack.one(key, region, period, **dims).id
    three_ways(shared_pack.node, id_, tmp_path)


def test_a_withheld_month_has_no_capsule_but_its_reason(shared_pack: PackNode) -> None:
    id_ = shared_pack.one("sea-ice-extent", "ec:arctic", "1988-01", measure="level").id
    with pytest.raises(InvalidInputError, match="19 of 31"):
        capsule(shared_pack.node, id_)
    assert verify(shared_pack.node, id_, independent=True).agrees
