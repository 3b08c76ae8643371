from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from earthcommons.catalog import Catalog
from earthcommons.model import Observation, Period, Record, Text
from earthcommons.model.outlook import Statement
from earthcommons.outlook import Evidence
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Series:
    """A catalogue with a region set and series put in by hand."""

    def __init__(self, root: Path) -> None:
        self.store = LocalStore(root)
        self.catalog = Catalog(root / "catalog.sqlite", self.store)
        self.evidence = Evidence(self.catalog, self.store)
        self._runs = 0
        region = {"id": "m49:404", "names": {"en": "Kenya", "zh": "肯尼亚"}, "kind": "country"}
        region |= {"iso3": "KEN", "groups": [], "members": []}
        body = {"id": "ec:countries-un", "version": "1", "sha256": "d", "item": "r/c"}
        with self.catalog.transaction() as tx:
            tx.put(Record("region-set", "ec:countries-un", {**body, "regions": [region]}))

    def publish(self, indicator: str, **values: float | None) -> list[Observation]:
        """Publish a run of one indicator: measure (with `_` for `-`) -> value in 2020."""
        self._runs += 1
        run = f"run-{indicator}-{self._runs}"
        rows = [
            Observation(
                indicator, "m49:404", Period.year(2020), "percent",
                "proxy" if value is not None else "missing", run, value,
                {"measure": name.replace("_", "-")}, reason="" if value is not None else "coverage",
            )
            for name, value in values.items()
        ]  # fmt: skip
        with self.catalog.transaction() as tx:
            tx.put(Record("run", run, {"id": run, "output": ""}))
            tx.put_observations(run, "", rows)
            tx.revise(Record("series", indicator, {"id": indicator, "run": run}))
        return rows


@pytest.fixture
def series(tmp_path: Path) -> Iterator[Series]:
    made = Series(tmp_path)
    yield made
    made.catalog.close()


def statement(text: Text, holes: dict[str, Any], **changes: Any) -> Statement:
    facts: dict[str, Any] = {
        "key": "k", "kind": "state", "theme": "land", "slot": "state", "region": "m49:404",
        "text": text, "holes": holes, "claims": (), "evidence": (),
    }  # fmt: skip
    return Statement(**(facts | changes))
