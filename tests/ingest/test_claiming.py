"""A reader taken over by its file leaves what it likes: only what it was meant to make passes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.ingest.conftest import Desk, declare

from earthcommons.errors import NotFoundError, RefusedFileError
from earthcommons.ingest import publish
from earthcommons.ingest.claiming import claim, form_of

if TYPE_CHECKING:
    from earthcommons.ingest.door import Admission

Writer = Callable[..., Path]
SECRET = b"the key of this node"


def linked(place: Path, secret: Path) -> None:
    place.symlink_to(secret)


def named_twice(place: Path, secret: Path) -> None:
    place.hardlink_to(secret)


def piped(place: Path, _: Path) -> None:
    os.mkfifo(place)


def linked_inside(place: Path, secret: Path) -> None:
    (place / "c").mkdir(parents=True)
    (place / "zarr.json").write_text("{}")
    (place / "c" / "0").symlink_to(secret)


def linked_folder_inside(place: Path, secret: Path) -> None:
    place.mkdir()
    (place / "c").symlink_to(secret.parent)


LEAVINGS = [linked, named_twice, piped, linked_inside, linked_folder_inside]


@pytest.mark.parametrize("leave", LEAVINGS)
def test_a_link_a_pipe_or_a_second_name_is_no_output(
    tmp_path: Path, leave: Callable[[Path, Path], None]
) -> None:
    mine, left, secret = tmp_path / "mine", tmp_path / "out.zarr", tmp_path / "keys" / "secret"
    mine.mkdir()
    secret.parent.mkdir()
    secret.write_bytes(SECRET)
    leave(left, secret)
    with pytest.raises(RefusedFileError) as refused:
        claim(left, mine)
    assert refused.value.code == "malformed"
    assert secret.read_bytes() == SECRET


def test_a_file_and_a_folder_of_files_are_moved_whole(tmp_path: Path) -> None:
    mine, tree = tmp_path / "mine", tmp_path / "out.zarr"
    mine.mkdir()
    (tree / "c").mkdir(parents=True)
    (tree / "c" / "0").write_bytes(b"chunk")
    assert (claim(tree, mine) / "c" / "0").read_bytes() == b"chunk"
    assert not tree.exists()
    with pytest.raises(RefusedFileError):
        claim(tree, mine)


@pytest.mark.parametrize("suffix", [None, "", ".html", "../../keys", ".tif/..", 7, [".tif"]])
def test_a_kind_that_no_reader_makes_is_refused(suffix: object) -> None:
    with pytest.raises(RefusedFileError):
        form_of(suffix)


@pytest.mark.parametrize("leave", [linked, named_twice, linked_inside])
def test_a_link_to_a_secret_does_not_become_an_object(
    desk: Desk, geotiff: Writer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    leave: Callable[[Path, Path], None],
) -> None:  # fmt: skip
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    admit = publish.admit

    def taken_over(scratch: Path, *given: Any, **more: Any) -> Admission:
        admission = admit(scratch, *given, **more)
        admission.output.unlink()
        leave(admission.output, secret)
        return admission

    monkeypatch.setattr(publish, "admit", taken_over)
    with pytest.raises(RefusedFileError):
        desk.publish(geotiff(), declare())
    assert list(desk.store.all_keys()) == []
    with pytest.raises(NotFoundError):
        desk.catalog.get("item", "c/x")


def test_a_source_that_its_reader_altered_is_not_published(
    desk: Desk, geotiff: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    admit = publish.admit

    def altering(scratch: Path, *given: Any, **more: Any) -> Admission:
        admission = admit(scratch, *given, **more)
        with (scratch / "source").open("ab") as file:
            file.write(b" ")
        return replace(admission)

    monkeypatch.setattr(publish, "admit", altering)
    with pytest.raises(RefusedFileError, match="altered"):
        desk.publish(geotiff(), declare())
    with pytest.raises(NotFoundError):
        desk.catalog.get("item", "c/x")
