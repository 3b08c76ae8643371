"""A disk that is full is called full: nothing is blamed on the bytes, and nothing half stays."""

from __future__ import annotations

import errno
import io
from typing import TYPE_CHECKING, Any

import pytest

from earthcommons.commons import Node, make_node
from earthcommons.commons.stories import getting, packages, restoring, unpacking
from earthcommons.commons.stories.backup import backup
from earthcommons.commons.stories.packages import package
from earthcommons.commons.stories.restoring import restore
from earthcommons.commons.stories.unpacking import import_package
from earthcommons.errors import UpstreamError
from earthcommons.model.party import PUBLIC

if TYPE_CHECKING:
    from pathlib import Path


def full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("without_damaged", [False, True])
def test_a_restore_onto_a_full_disk_does_not_call_the_backup_damaged(
    small: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_damaged: bool
) -> None:
    backup(small, tmp_path / "b")
    monkeypatch.setattr(restoring, "pour", full)
    with pytest.raises(UpstreamError) as told:
        restore(tmp_path / "b", tmp_path / "r", without_damaged=without_damaged)
    assert told.value.code == "storage"
    assert not (tmp_path / "r").exists()
    monkeypatch.undo()
    assert restore(tmp_path / "b", tmp_path / "r").without == ()


@pytest.mark.parametrize("name", ["p", "p.zip"])
def test_an_export_onto_a_full_disk_leaves_no_half_package(
    small: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(packages.shutil, "copyfile", full)
    monkeypatch.setattr(packages.shutil, "copyfileobj", full)
    place = tmp_path / "out" / name
    with pytest.raises(UpstreamError) as told:
        package(small, "c", "bagit", place, PUBLIC)
    assert told.value.code == "storage"
    assert list(place.parent.iterdir()) == []
    monkeypatch.undo()
    assert package(small, "c", "bagit", place, PUBLIC).place == place


def test_an_import_onto_a_full_disk_does_not_call_the_package_damaged(
    small: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(small, "c", "bagit", tmp_path / "p", PUBLIC)
    other = make_node(tmp_path / "other")

    class Full(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            del size
            full()
            return b""

    real = unpacking._FolderSource.read

    def read(source: Any, name: str) -> Any:
        return Full() if name.startswith("data/objects/") else real(source, name)

    monkeypatch.setattr(unpacking._FolderSource, "read", read)
    with pytest.raises(UpstreamError) as told:
        import_package(other, tmp_path / "p")
    assert told.value.code == "storage"
    monkeypatch.undo()
    assert len(import_package(other, tmp_path / "p").items) == 2
    other.catalog.close()


def test_getting_onto_a_full_disk_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getting.Getter, "_item", full)
    with pytest.raises(UpstreamError) as told:
        getting.Getter().get("http://127.0.0.1:9/i", tmp_path)
    assert told.value.code == "storage"
