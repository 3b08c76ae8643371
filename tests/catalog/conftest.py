"""Catalogues of their own: of a few records for a while, and one with an account and a group."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earthcommons.catalog import Catalog
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from earthcommons.model import Record

WORD = "a long pass phrase"


@contextmanager
def catalog_of(records: Sequence[Record]) -> Iterator[Catalog]:
    with tempfile.TemporaryDirectory() as name:
        made = Catalog(Path(name) / "c.sqlite", LocalStore(Path(name)))
        with made.transaction() as tx:
            for record in records:
                tx.put(record)
        yield made
        made.close()


@pytest.fixture
def peopled(tmp_path: Path) -> Iterator[Catalog]:
    """A catalogue with the group hydro and the account mei; an operator acts."""
    made = Catalog(tmp_path / "catalog.sqlite", LocalStore(tmp_path))
    with acting_as(OPERATOR):
        made.people.add_group("hydro", "Hydrology", "水文")
        made.people.add("mei", "Mei", password=WORD)
        yield made
    made.close()
