"""The embedded catalogue passes the suite that every catalogue passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from earthcommons.catalog import Catalog
from earthcommons.store import LocalStore
from earthcommons.testing import CatalogSuite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestSqlite(CatalogSuite):
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Iterator[Catalog]:
        made = Catalog(tmp_path / "catalog.sqlite", LocalStore(tmp_path))
        yield made
        made.close()
