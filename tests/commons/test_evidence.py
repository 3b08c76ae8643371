"""Every number of an area indicator: computed again, by a second route, and from its capsule."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.commons.capsules import recompute, three_ways

from earthcommons.commons.stories.capsule import capsule
from earthcommons.commons.stories.verifying import verify
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.indicators.conftest import PackNode

ONE_OF_EACH = [
    ("tree-cover", "m49:404", "2008", {"measure": "level"}),
    (
        "green-cover-by-elevation",
        "m49:156",
        "2008",
        {"elevation": "above-2500", "measure": "share"},
    ),
    ("land-use", "m49:404", "1995/2006", {"measure": "change", "use": "total"}),
    ("warming", "m49:404", "2036/2066", {"measure": "change", "scenario": "ssp585"}),
    ("night-lights", "m49:404", "2020/2024", {"measure": "relative-change"}),
    ("land-cover-share", "m49:678", "2021", {"class": "built-up", "measure": "share"}),
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


def test_a_capsule_with_a_changed_cell_is_noticed(
    shared_pack: PackNode, tmp_path: Path
) -> None:
    id_ = shared_pack.one("tree-cover", "m49:404", "2008", measure="level").id
    with zipfile.ZipFile(io.BytesIO(capsule(shared_pack.node, id_))) as archive:
        archive.extractall(tmp_path)
    stored = json.loads((tmp_path / "observation.json").read_text(encoding="utf-8"))
    assert stored["id"] == id_
    cells = tmp_path / "cells.csv"
    cells.write_text(
        cells.read_text(encoding="utf-8") + "0.0,0.0,100.0,1.0\n", encoding="utf-8"
    )
    ended = recompute(tmp_path)
    assert ended.returncode != 0
    assert "cells.csv: the bytes are not those of the capsule" in ended.stderr


def test_a_withheld_change_has_no_capsule_but_its_reason(shared_pack: PackNode) -> None:
    dims = {"class": "built-up", "measure": "change"}
    id_ = shared_pack.one("land-cover-share", "m49:678", "2020/2022", **dims).id
    with pytest.raises(InvalidInputError, match="v100 to v200 is another algorithm"):
        capsule(shared_pack.node, id_)
    again = verify(shared_pack.node, id_, independent=True)
    assert (again.agrees, again.stored, again.computed) == (True, None, None)
