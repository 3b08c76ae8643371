from __future__ import annotations

from earthcommons import ingest, model
from earthcommons.model.indicator import Need as InputNeed
from earthcommons.model.technology import Need


def test_every_name_a_floor_lists_is_found_and_no_other() -> None:
    for floor in (model, ingest):
        for name in floor.__all__:
            assert getattr(floor, name) is not None
        assert not hasattr(floor, "Nonsense")


def test_the_need_of_an_indicator_and_that_of_an_institution_are_told_apart() -> None:
    assert model.InputNeed is InputNeed
    assert model.Need is Need
