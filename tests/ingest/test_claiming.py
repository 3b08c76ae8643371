"""A reader taken over by its file leaves what it likes: only what it was meant to make passes."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.conftest import Desk, declare

from earthcommons.errors import InvalidInputError, NotFoundError, RefusedFileError
from earthcommons.ingest import claiming, publish
from earthcommons.ingest.answers import facts_in, refusal_in, seen_in
from earthcommons.ingest.claiming import claim, form_of
from earthcommons.ingest.door import visit
from earthcommons.ingest.footprint import footprint
from earthcommons.ingest.jail import run_jailed
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.publish import Pending
from earthcommons.ingest.seccomp import _CALLS
from earthcommons.model.geodesy import BBox

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
        claim(left, mine, 10**6)
    assert refused.value.code == "malformed"
    assert secret.read_bytes() == SECRET


def test_a_file_and_a_folder_of_files_are_moved_whole(tmp_path: Path) -> None:
    mine, tree = tmp_path / "mine", tmp_path / "out.zarr"
    mine.mkdir()
    (tree / "c").mkdir(parents=True)
    (tree / "c" / "0").write_bytes(b"chunk")
    assert (claim(tree, mine, 10**6) / "c" / "0").read_bytes() == b"chunk"
    assert not tree.exists()
    with pytest.raises(RefusedFileError):
        claim(tree, mine, 10**6)


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


class TakenOver:
    """In the child, unpickled, this puts a hostile reader in the place of that for GeoTIFF."""

    def __init__(self, body: str) -> None:
        lines = "".join(f"\n    {line}" for line in body.splitlines())
        self.code = (
            f"def convert(folder, task, limits):\n    import os, sys, threading, time{lines}\n"
            "import earthcommons.ingest.read_raster as reader\n"
            "reader.convert = convert"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.code,)


def answered_by(
    scratch: Path,
    body: str,
    limits: Limits | None = None,
    beat: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    (scratch / "source").write_bytes(b"II*\0")
    task = {"x": TakenOver(body)}
    return run_jailed("raster", scratch, task, limits or Limits(), while_waiting=beat)


FORK = """
tried = []
def forked():
    if os.fork() == 0:
        time.sleep(2)
        os._exit(0)
def spawned():
    os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
for way in (forked, spawned):
    try:
        way()
        tried.append("done")
    except OSError as error:
        tried.append(type(error).__name__)
thread = threading.Thread(target=tried.append, args=("thread",))
thread.start()
thread.join()
return {"tried": tried}
"""


@pytest.mark.skipif(platform.machine() not in _CALLS, reason="no rule for this machine")
def test_a_reader_begins_threads_but_no_process_that_could_outlive_it(tmp_path: Path) -> None:
    told = answered_by(tmp_path, FORK)["tried"]
    assert told == ["PermissionError", "PermissionError", "thread"]


def test_a_reader_writes_nothing_into_the_log_of_the_node(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = "os.write(1, b'FORGED'); os.write(2, b'FORGED')"
    assert answered_by(tmp_path, f"{said}\nreturn {{'said': 1}}") == {"said": 1}
    assert "FORGED" not in "".join(capfd.readouterr())


DEEP = """
for _ in range(1500):
    os.mkdir("a")
    os.chdir("a")
os.chmod(folder / "a", 0)
return {}
"""


def test_folders_in_folders_without_end_can_be_removed(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    # On a slow machine a look at its disk may come upon the folder that nobody may open.
    with contextlib.suppress(RefusedFileError):
        answered_by(scratch, DEEP)
    shutil.rmtree(scratch)
    assert not scratch.exists()


ANSWERS = [
    "return {'refused': 1}",
    "return {'refused': {'code': 'cancelled', 'message': 'x'}}",
    "return {'refused': {'code': [], 'message': 'x'}}",
    "return {'refused': {'code': 'a\\n', 'message': 'x'}}",
    "(folder / 'answer.json').write_text('{\"a\": NaN}'); os._exit(0)",
    "(folder / 'answer.json').write_text('[' * 10**5); os._exit(0)",
    "(folder / 'answer.json').write_text('[]'); os._exit(0)",
    "os.mkfifo(folder / 'answer.json'); os._exit(0)",
    "(folder / 'answer.json').mkdir(); os._exit(0)",
    "(folder / 'answer.json').symlink_to('/etc/hostname'); os._exit(0)",
    "return {}",
    "return {'suffix': '.tif', 'bbox': None}",
    "return {'variables': 7, 'period': None, 'crs': '', 'bbox': None}",
]


@pytest.mark.parametrize("body", ANSWERS)
def test_an_answer_that_is_none_is_the_files_fault(tmp_path: Path, body: str) -> None:
    (tmp_path / "source").write_bytes(b"II*\0")
    with (
        pytest.raises(RefusedFileError) as refused,
        visit(tmp_path, {"x": TakenOver(body)}, Limits()),
    ):
        pass
    assert refused.value.code == "malformed"
    assert "cannot be read" not in str(refused.value)


CLAIMS = """
(folder / "out.tif").write_bytes(b"data")
if task.get("look"):
    return {"variables": [], "period": None, "crs": "", "bbox": None}
return {"suffix": ".tif", "bands": [], "bbox": None, "geometry": None, "properties": CLAIMED}
"""


@pytest.mark.parametrize(
    ("claimed", "taken"),
    [({"proj:shape": [1, 2]}, True), ({"license": "CC0-1.0"}, False),
     ({"ec:attribution": "nobody"}, False), ({"ec:declared": "x"}, False),
     ({"datetime": "2020-01-01T00:00:00Z"}, False), ([], False)],
)  # fmt: skip
def test_a_reader_declares_nothing_of_licence_source_or_time(
    desk: Desk, geotiff: Writer, claimed: Any, taken: bool
) -> None:
    body = CLAIMS.replace("CLAIMED", repr(claimed))
    pending = Pending({"x": TakenOver(body)}, lambda _: (declare(), ()))
    if taken:
        publish.ingest(geotiff(), pending, desk.catalog, desk.store)
        assert desk.catalog.get("item", "c/x")["properties"]["ec:attribution"] == "someone"
        return
    with pytest.raises(RefusedFileError):
        publish.ingest(geotiff(), pending, desk.catalog, desk.store)
    assert desk.left_behind() == []


def test_holes_and_crowds_of_files_are_counted_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for name, most, size in (("holes", 10**6, 2**45), ("crowd", 3, 0), ("deep", 10**6, 0)):
        tree = tmp_path / name
        (tree / ("a/" * 50 if name == "deep" else "a")).mkdir(parents=True)
        for n in range(4):
            with (tree / "a" / f"{n}.bin").open("wb") as file:
                file.truncate(size // 10**6)
        monkeypatch.setattr(claiming, "_MOST_FILES", most)
        start = time.process_time()
        with pytest.raises(RefusedFileError):
            claim(tree, mine, 10**6)
        assert time.process_time() - start < 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(("type", "coordinates", "name", "unit", "code")), inner
        )
    ),
    max_leaves=8,
)
MEMBERS = ("bbox", "geometry", "bands", "properties", "spatial_resolution", "variables", "period",
           "crs", "title", "format", "code", "message", "warnings")  # fmt: skip
GOOD = {
    **footprint(170.0, -10.0, 190.0, 10.0), "bands": [{"name": "b", "unit": "1"}],
    "properties": {"proj:code": "EPSG:4326", "ec:warnings": []}, "spatial_resolution": 0.5,
    "variables": [{"name": "b", "unit": "", "datatype": "number"}], "crs": "EPSG:4326",
    "period": ["2020-01-01", "2020-12-31T00:00:00Z"], "title": "t", "format": "hdf5",
}  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=3),
    st.sets(st.sampled_from(MEMBERS)),
)
def test_whatever_is_answered_is_well_formed_or_refused(
    changed: dict[str, Any], lacking: set[str]
) -> None:
    answer = {name: value for name, value in (GOOD | changed).items() if name not in lacking}
    try:
        facts = facts_in(answer)
        assert facts["bbox"] is None or BBox.of(facts["bbox"]).as_list() == facts["bbox"]
        assert (facts["bbox"] is None) == (facts["geometry"] is None)
        json.dumps(facts["geometry"], allow_nan=False)
        assert all(isinstance(band["name"], str) for band in facts["bands"])
    except RefusedFileError:
        assert changed or lacking
    try:
        seen = seen_in(answer)
        assert all(isinstance(each["unit"], str) for each in seen["variables"])
        assert isinstance(seen["crs"], str)
    except RefusedFileError:
        assert changed or lacking
    assert isinstance(refusal_in(changed), InvalidInputError)


def test_what_readers_answer_passes_and_a_day_before_the_common_era_is_left_out() -> None:
    assert facts_in(GOOD)["geometry"]["type"] == "MultiPolygon"
    assert seen_in(GOOD)["period"] == GOOD["period"]
    assert seen_in(GOOD | {"period": ["-0044-03-15", "2020-01-01"]})["period"] is None
    for warnings in (["a\x1b[2Jb"], ["x" * 3000], ["x"] * 1001, "x", [1], None):
        with pytest.raises(RefusedFileError):
            seen_in(GOOD | {"warnings": warnings})
        with pytest.raises(RefusedFileError):
            facts_in(GOOD | {"properties": {"ec:warnings": warnings}})
    told = refusal_in({"code": "invalid-geometry", "message": "a\x1b[2Jb"})
    assert (told.code, str(told)) == ("invalid-geometry", "a [2Jb")
