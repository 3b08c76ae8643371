"""Archives: rows I17 to I21 of the attack table, and what is read out of sound ones."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.ingest.conftest import Desk, declare
from tests.ingest.test_door import refused

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.unpack import unpack

Writer = Callable[..., Path]


def zipped(
    target: Path, members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(target, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, packing)
    return target


def tarred(target: Path, members: list[tarfile.TarInfo], mode: str = "w") -> Path:
    with tarfile.open(target, mode) as archive:  # type: ignore[call-overload]
        for member in members:
            archive.addfile(member, io.BytesIO(b"\0" * member.size) if member.size else None)
    return target


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0
) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


def test_i17_a_zip_that_swells_is_refused_before_a_byte_is_written(
    desk: Desk, tmp_path: Path
) -> None:
    source = zipped(tmp_path / "x.zip", {"x.tif": b"\0" * 20_000_000})
    assert source.stat().st_size < 40_000
    assert refused(desk, source) == "archive-bomb"
    target = tmp_path / "out"
    with pytest.raises(RefusedFileError):
        unpack(source, target, Limits())
    assert list(target.iterdir()) == []


def test_i17_more_members_than_allowed_are_refused_by_their_count(
    desk: Desk, tmp_path: Path
) -> None:
    source = zipped(
        tmp_path / "x.zip", {f"{n}": b"" for n in range(10_001)}, zipfile.ZIP_STORED
    )
    assert refused(desk, source) == "archive-bomb"


def test_i17_an_archive_in_an_archive_is_refused(desk: Desk, tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"x.csv": b"a,b\n1,2\n"}).read_bytes()
    assert refused(desk, zipped(tmp_path / "x.zip", {"inner.zip": inner})) == "archive-bomb"


def test_i17_members_that_overlap_are_refused(desk: Desk, tmp_path: Path) -> None:
    source = zipped(tmp_path / "x.zip", {"a.csv": b"a,b\n" * 99, "b.csv": b"c,d\n" * 99}, 0)
    data = bytearray(source.read_bytes())
    # The second entry of the directory is made to point at the first member.
    second = data.rfind(b"PK\1\2")
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    source.write_bytes(bytes(data))
    assert refused(desk, source) == "archive-bomb"


def test_i17_a_compressed_tar_that_swells_is_refused(desk: Desk, tmp_path: Path) -> None:
    big = tarred(tmp_path / "x.tar.gz", [member("x.tif", size=50_000_000)], "w:gz")
    assert big.stat().st_size < 100_000
    assert refused(desk, big) == "archive-bomb"


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/x", "C:\\x", "C:x", "a\\..\\b", "a/../../b", "a\nb", "x" * 300]
)
def test_i18_a_member_that_leads_out_is_refused(desk: Desk, tmp_path: Path, name: str) -> None:
    assert refused(desk, zipped(tmp_path / "x.zip", {name: b"a,b"})) == "unsafe-path"
    assert refused(desk, tarred(tmp_path / "x.tar", [member(name, size=3)])) == "unsafe-path"
    assert not (tmp_path.parent / "x").exists()


def test_i18_a_nul_in_a_name_does_not_shorten_it(desk: Desk, tmp_path: Path) -> None:
    source = zipped(tmp_path / "x.zip", {"a.csv?.tif": b"a,b"})
    source.write_bytes(source.read_bytes().replace(b"a.csv?", b"a.csv\0"))
    assert refused(desk, source) == "unsafe-path"


@pytest.mark.parametrize(
    "first",
    [
        member("x", tarfile.SYMTYPE, "/"),
        member("x", tarfile.LNKTYPE, "/etc/passwd"),
        member("x", tarfile.CHRTYPE),
        member("x", tarfile.FIFOTYPE),
    ],
    ids=["symbolic link", "hard link", "device", "fifo"],
)
def test_i19_a_link_or_device_in_a_tar_is_refused(
    desk: Desk, tmp_path: Path, first: tarfile.TarInfo
) -> None:
    source = tarred(tmp_path / "x.tar", [first, member("x/y", size=3)])
    assert refused(desk, source) == "unsafe-path"


def test_i19_a_symbolic_link_in_a_zip_is_refused(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "x.zip"
    with zipfile.ZipFile(source, "w") as archive:
        link = zipfile.ZipInfo("x")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert refused(desk, source) == "unsafe-path"


@pytest.mark.parametrize("names", [("A.csv", "a.csv"), ("é.csv", "e\u0301.csv"), ("ß", "ss")])
def test_i21_two_names_that_are_one_are_refused(
    desk: Desk, tmp_path: Path, names: tuple[str, str]
) -> None:
    source = zipped(tmp_path / "x.zip", dict.fromkeys(names, b"a,b\n1,2\n"))
    assert refused(desk, source) == "name-collision"


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_one_dataset_in_an_archive_is_read_and_the_archive_kept(
    desk: Desk, geotiff: Writer, tmp_path: Path, suffix: str
) -> None:
    inside = geotiff()
    source = tmp_path / f"x{suffix}"
    if suffix == ".zip":
        zipped(source, {"data/x.tif": inside.read_bytes(), "README.txt": b"one, two\n"})
    else:
        with tarfile.open(source, "w:gz" if suffix.endswith("gz") else "w") as archive:
            archive.add(inside, "data/x.tif")
    assert desk.publish(source, declare()).state == "published"
    item = desk.catalog.get("item", "c/x")
    assert item["bbox"] == [10, 48, 13, 50]
    key = item["assets"]["source"]["href"].rsplit("/", 1)[-1]
    assert desk.store.path(key).read_bytes() == source.read_bytes()


def test_two_datasets_in_an_archive_are_refused_by_name(
    desk: Desk, geotiff: Writer, tmp_path: Path
) -> None:
    data = geotiff().read_bytes()
    source = zipped(tmp_path / "x.zip", {"a.tif": data, "b.tif": data})
    assert refused(desk, source) == "several-files"


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_an_archive_cut_short_is_refused(
    desk: Desk, geotiff: Writer, tmp_path: Path, share: float
) -> None:
    for source in (
        zipped(tmp_path / "x.zip", {"x.tif": geotiff().read_bytes()}),
        tarred(tmp_path / "x.tar.gz", [member("x.tif", size=50_000)], "w:gz"),
    ):
        data = source.read_bytes()
        source.write_bytes(data[: int(len(data) * share)])
        assert refused(desk, source) in ("malformed", "format-mismatch")
