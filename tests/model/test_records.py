from __future__ import annotations

import pytest

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.model import (
    BBox,
    Declaration,
    Indicator,
    InputRef,
    Interval,
    Observation,
    Offer,
    Parameter,
    Period,
    Region,
    RegionSet,
    Run,
    Text,
)


def observation(**changes: object) -> Observation:
    facts: dict[str, object] = {
        "indicator": "tree-cover", "region": "m49:404", "period": Period.year(2008),
        "unit": "percent", "status": "proxy", "run": "run-a", "value": 13.6,
        "dimensions": {"measure": "level"},
    }  # fmt: skip
    return Observation(**(facts | changes))  # type: ignore[arg-type]


def test_an_observation_reads_back_as_it_was_written() -> None:
    row = observation(
        interval=Interval(13.0, 14.0, 0.9, "bootstrap"), valid_share=0.97, cells=446.5
    )
    assert Observation.from_json(row.as_json()) == row
    assert row.as_json()["interval"] == {
        "low": 13.0, "high": 14.0, "level": 0.9, "method": "bootstrap",
    }  # fmt: skip


def test_the_value_is_no_part_of_an_observations_identity() -> None:
    assert observation(value=1.0).id == observation(value=2.0).id
    assert observation(run="run-b").id != observation().id
    assert observation(dimensions={"measure": "anomaly"}).id != observation().id


@pytest.mark.parametrize(
    "changes",
    [
        {"value": None},
        {"status": "missing", "reason": "coverage"},
        {"value": None, "status": "withheld"},
        {"value": float("nan")},
    ],
)
def test_a_value_without_status_or_a_gap_without_reason_is_refused(
    changes: dict[str, object],
) -> None:
    with pytest.raises(InvalidInputError):
        observation(**changes)


def run(inputs: tuple[InputRef, ...]) -> Run:
    return Run("tree-cover", "1", {"water_class": 20}, inputs, "ec:x", "1", "d" * 64, "0.1.0")


def test_the_order_of_inputs_and_the_code_version_do_not_name_a_run() -> None:
    a, b = (
        InputRef("c/a", "data", "a" * 64, "CC0-1.0"),
        InputRef("c/b", "data", "b" * 64, "CC0-1.0"),
    )
    assert run((a, b)).id == run((b, a)).id
    assert run((a,)).id != run((a, b)).id
    assert Run.from_json(run((b, a)).as_json()).id == run((a, b)).id


def test_a_region_is_found_by_id_by_m49_digits_and_by_iso_code() -> None:
    kenya = Region("m49:404", {"en": "Kenya", "zh": "肯尼亚"}, "country", iso3="KEN")
    known = RegionSet("ec:x", "1", "d", "un", {kenya.id: kenya})
    assert {known.find(name).id for name in ("m49:404", "404", "KEN")} == {"m49:404"}
    assert kenya.name("zh") == "肯尼亚"
    assert kenya.name("fr") == "Kenya"
    with pytest.raises(NotFoundError):
        known.find("ken")


def test_a_box_across_the_antimeridian_has_two_parts() -> None:
    assert BBox(170, -5, -170, 5).parts() == ((170, -5, 180, 5), (-180, -5, -170, 5))
    assert BBox.of([1, 2, 0, 3, 4, 9]) == BBox(1, 2, 3, 4)


@pytest.mark.parametrize(
    "numbers",
    [[1, 2, 3], [0, 5, 1, 4], [0, -91, 1, 0], [float("nan"), 0, 1, 1], [-540, 0, 1, 1]],
)
def test_what_is_no_box_is_refused(numbers: list[float]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        BBox.of(numbers)
    assert refused.value.code == "bad-bbox"


def indicator(key: str) -> Indicator:
    text = Text("a", "甲")
    threshold = Parameter("lit_from", 0.5, "nW/cm2/sr", text, 0, 100)
    return Indicator(
        key=key, version="1", title=text, abstract=text, not_said=text, unit="1", nature="proxy",
        region_set="ec:x", needs=(), source="s", compute=list, parameters=(threshold,),
    )  # fmt: skip


def test_no_proxy_is_named_like_an_official_indicator() -> None:
    with pytest.raises(InvalidInputError, match="sdg-"):
        indicator("sdg-15.1.1")


def test_parameters_are_settled_checked_and_completed() -> None:
    declared = indicator("night-lights")
    assert declared.settle({}) == {"lit_from": 0.5}
    assert declared.settle({"lit_from": "0.7"}) == {"lit_from": 0.7}
    for given in ({"lit_from": "x"}, {"lit_from": -1}, {"lit_from": "nan"}, {"other": 1}):
        with pytest.raises(InvalidInputError):
            declared.settle(given)


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", ".", "a b", "x" * 101, "a\u202eb", "ａ", "-a"]
)
def test_an_id_that_could_be_a_path_or_a_look_alike_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Declaration(
            name,
            "c",
            Text("t", "题"),
            Text("d", "描"),
            Period.year(2008),
            "CC0-1.0",
            "",
            "derived",
        )
    assert refused.value.code == "bad-id"


def test_an_offer_must_say_who_it_is_and_may_leave_all_else_unknown() -> None:
    offer = Offer("dpga:x", ("software",), "X", {"system": "DPGA"}, "en")
    assert Offer.from_json(offer.as_json()) == offer
    with pytest.raises(InvalidInputError, match="title"):
        Offer("dpga:x", ("software",), "", {"system": "DPGA"}, "en")
