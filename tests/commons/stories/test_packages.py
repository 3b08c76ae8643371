from __future__ import annotations

import json
import os
import shutil
import zipfile
from typing import TYPE_CHECKING, Any, cast

import bagit
import pytest
import shapely
from rocrate.rocrate import ROCrate
from tests.commons.stories.conftest import add_item, flip, key_of
from tests.ingest.conftest import declare

from earthcommons.commons import Node, make_node
from earthcommons.commons.node import rebuild_catalog
from earthcommons.commons.stories.packages import METADATA, PackageForm, package
from earthcommons.commons.stories.unpacking import import_package
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    RefusedFileError,
)
from earthcommons.ingest import ingest
from earthcommons.ingest.limits import Limits
from earthcommons.model import Record
from earthcommons.model.canonical import digest_of
from earthcommons.model.party import OPERATOR, PUBLIC
from earthcommons.store import digest_in
from earthcommons.zones.region_sets import load_region_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ended

FORMS: tuple[PackageForm, ...] = ("bagit", "ro-crate", "ro-crate-1.2")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Node]:
    node = make_node(tmp_path / "other")
    yield node
    node.catalog.close()


def kept(node: Node) -> set[str]:
    return {
        *node.store.all_keys(),
        *(f"{c.kind} {c.id}" for c in node.catalog.changes(0, -1, OPERATOR)),
    }


def resealed(bag: Path) -> None:
    """Write the bag's manifests again, as somebody who wants to deceive would."""
    lines = [
        f"{digest_of(p.read_bytes())}  {p.relative_to(bag).as_posix()}\n"
        for p in sorted((bag / "data").rglob("*"))
        if p.is_file()
    ]
    (bag / "manifest-sha256.txt").write_text("".join(lines))
    (bag / "tagmanifest-sha256.txt").unlink(missing_ok=True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", ["", ".zip"])
def test_what_is_exported_and_taken_in_again_has_the_same_digest(
    small: Node, other: Node, tmp_path: Path, form: PackageForm, ending: str
) -> None:
    out = tmp_path / f"made{ending}"
    done = package(small, "c/first", form, out, PUBLIC)
    assert (done.items, len(done.runs)) == (("c/first",), 1)
    taken = import_package(other, out)
    digest = small.catalog.version("item", "c/first")
    assert other.catalog.version("item", "c/first") == digest
    assert digest is not None
    assert taken.items == [("c/first", digest[1], "published")]
    assert taken.runs == list(done.runs)
    assert taken.left_out == []
    for asset in ("data", "source"):
        key = key_of(small, "c/first", asset)
        assert other.store.read(key) == small.store.read(key)
    rows = [line for line in small.catalog.dump() if line.startswith("observation")]
    assert [line for line in other.catalog.dump() if line.startswith("observation")] == rows
    again = import_package(other, out)
    assert [state for *_, state in again.items] == ["unchanged"]
    assert rebuild_catalog(other) > 0


def draw_regions(node: Node, folder: Path, east: float = 42.0) -> None:
    """Publish r/c, the item that the region set of the run is drawn in."""
    feature = {
        "type": "Feature", "properties": {"id": "m49:404"},
        "geometry": shapely.geometry.mapping(shapely.box(34, -5, east, 5)),
    }  # fmt: skip
    facts = {"id": "ec:one", "version": "1"}
    source = folder / f"regions-{east:g}.geojson"
    source.write_text(
        json.dumps({"type": "FeatureCollection", "ec:region_set": facts, "features": [feature]})
    )
    ingest(source, declare("c", collection="r"), node.catalog, node.store)


def test_the_outlines_of_a_run_go_with_it(small: Node, other: Node, tmp_path: Path) -> None:
    draw_regions(small, tmp_path)
    done = package(small, "c/first", "ro-crate", tmp_path / "made", PUBLIC)
    assert done.items == ("c/first",)
    taken = import_package(other, tmp_path / "made")
    assert {name for name, *_ in taken.items} == {"c/first", "r/c"}
    assert other.catalog.version("item", "r/c") == small.catalog.version("item", "r/c")
    for name in ("data", "source"):
        key = key_of(small, "r/c", name)
        assert other.store.read(key) == small.store.read(key)
    # What `verify` begins with: the regions by name and shape.
    here = load_region_set("ec:one", other.catalog, other.store)
    assert here.find("m49:404").geometry.bounds == (34, -5, 42, 5)
    assert [state for *_, state in import_package(other, tmp_path / "made").items] == [
        "unchanged", "unchanged"
    ]  # fmt: skip


def test_outlines_that_a_party_may_not_have_stay_behind_whole(
    small: Node, other: Node, tmp_path: Path
) -> None:
    draw_regions(small, tmp_path)
    body = small.catalog.get("item", "r/c", OPERATOR)
    with small.catalog.transaction() as tx:
        tx.revise(Record("item", "r/c", body, 1, "steward", ()))
    done = package(small, "c/first", "bagit", tmp_path / "made", PUBLIC)
    assert len(done.runs) == 1
    held = b"".join(p.read_bytes() for p in (tmp_path / "made").rglob("*") if p.is_file())
    assert b'"id":"r/c"' not in held
    assert import_package(other, tmp_path / "made").items[0][0] == "c/first"


def test_outlines_that_a_node_has_otherwise_stay_its_own(
    small: Node, other: Node, tmp_path: Path
) -> None:
    draw_regions(small, tmp_path)
    draw_regions(other, tmp_path, east=41.0)
    before = other.catalog.version("item", "r/c")
    package(small, "c/first", "bagit", tmp_path / "made", PUBLIC)
    taken = import_package(other, tmp_path / "made")
    assert [name for name, *_ in taken.items] == ["c/first"]
    assert taken.left_out == [("r/c", "here with other content, which stays")]
    assert other.catalog.version("item", "r/c") == before
    # Asked for by name they are no company, and conflict.
    package(small, "r/c", "bagit", tmp_path / "alone", PUBLIC)
    with pytest.raises(ConflictError):
        import_package(other, tmp_path / "alone")


def test_the_stock_validator_accepts_the_bag(small: Node, tmp_path: Path) -> None:
    package(small, "c", "bagit", tmp_path / "bag", PUBLIC)
    bag = bagit.Bag(str(tmp_path / "bag"))
    bag.validate()
    assert bag.is_valid(completeness_only=False)
    assert bag.info["External-Identifier"] == "c"
    names = {p.name for p in (tmp_path / "bag" / "data" / "objects").iterdir()}
    assert {key_of(small, "c/first"), key_of(small, "c/second", "source")} <= names
    flip(tmp_path / "bag" / "data" / "objects" / key_of(small, "c/first"))
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(tmp_path / "bag")).validate()


@pytest.mark.parametrize(("form", "version"), [("ro-crate", "1.1"), ("ro-crate-1.2", "1.2")])
def test_the_stock_reader_reads_the_crate_and_it_conforms(
    small: Node, tmp_path: Path, form: PackageForm, version: str
) -> None:
    package(small, "c", form, tmp_path / "crate", PUBLIC)
    crate = ROCrate(str(tmp_path / "crate"))
    files = {entity.id for entity in crate.data_entities}
    on_disk = {
        p.relative_to(tmp_path / "crate").as_posix()
        for p in (tmp_path / "crate").rglob("*")
        if p.is_file()
    }
    assert files == on_disk - {METADATA}
    assert crate.root_dataset["name"]
    value = json.loads((tmp_path / "crate" / METADATA).read_text())
    assert value["@context"] == f"https://w3id.org/ro/crate/{version}/context"
    graph = {entity["@id"]: entity for entity in value["@graph"]}
    assert len(graph) == len(value["@graph"]), "an @id is used twice"
    about = graph[METADATA]
    assert about["conformsTo"] == {"@id": f"https://w3id.org/ro/crate/{version}"}
    root = graph[about["about"]["@id"]]
    # What the root must have: 1.1, "Direct properties of the Root Data Entity".
    assert {"@id", "@type", "name", "description", "datePublished", "license"} <= root.keys()
    assert root["@type"] == "Dataset"
    assert all(part["@id"] in graph for part in root["hasPart"])
    assert all(licence["@id"] in graph for licence in root["license"])
    actions = [entity for entity in graph.values() if entity["@type"] == "CreateAction"]
    assert len(actions) == 1
    assert {ref["@id"] for ref in actions[0]["object"]} == {
        f"objects/{key_of(small, 'c/first')}"
    }
    assert all(ref["@id"] in files for ref in actions[0]["result"])


def test_a_collection_goes_over_with_all_its_items_and_the_wider_extent(
    small: Node, other: Node, tmp_path: Path, geotiff: Callable[..., Path]
) -> None:
    package(small, "c", "bagit", tmp_path / "c.zip", PUBLIC)
    import_package(other, tmp_path / "c.zip")
    assert other.catalog.count("item", OPERATOR) == 2
    before = other.catalog.get("collection", "c", OPERATOR)
    assert before == small.catalog.get("collection", "c", OPERATOR)
    add_item(small, geotiff, "third", 9)
    package(small, "c/third", "bagit", tmp_path / "third.zip", PUBLIC)
    import_package(other, tmp_path / "third.zip")
    assert other.catalog.count("item", OPERATOR) == 3


def test_an_item_with_a_history_goes_over_with_it(
    small: Node, other: Node, tmp_path: Path
) -> None:
    body = small.catalog.get("item", "c/first", OPERATOR)
    body["properties"]["title"] = "Corrected"
    with small.catalog.transaction() as tx:
        tx.revise(Record("item", "c/first", body, 1, "open", ()))
    package(small, "c/first", "bagit", tmp_path / "b", PUBLIC)
    import_package(other, tmp_path / "b")
    assert other.catalog.version("item", "c/first") == small.catalog.version("item", "c/first")
    assert cast("tuple[int, str]", other.catalog.version("item", "c/first"))[0] == 2


def test_what_a_party_may_not_see_is_in_no_package_of_its(small: Node, tmp_path: Path) -> None:
    body = small.catalog.get("item", "c/second", OPERATOR)
    with small.catalog.transaction() as tx:
        tx.revise(Record("item", "c/second", body, 1, "steward", ()))
    done = package(small, "c", "bagit", tmp_path / "open", PUBLIC)
    assert done.items == ("c/first",)
    hidden = key_of(small, "c/second")
    assert not [p for p in (tmp_path / "open").rglob("*") if p.name == hidden]
    with pytest.raises(NotFoundError):
        package(small, "c/second", "bagit", tmp_path / "hidden", PUBLIC)
    # Open once, closed, and open again: who may see it now may not have what was closed.
    whole = package(small, "c/second", "bagit", tmp_path / "whole", OPERATOR)
    assert whole.items == ("c/second",)
    with small.catalog.transaction() as tx:
        tx.revise(Record("item", "c/second", body, 1, "open", ()))
    with pytest.raises(AccessDeniedError):
        package(small, "c/second", "bagit", tmp_path / "hidden", PUBLIC)
    assert not (tmp_path / "hidden").exists()


def test_bytes_of_every_version_go_over_and_the_node_is_whole_afterwards(
    small: Node, other: Node, tmp_path: Path
) -> None:
    body = small.catalog.get("item", "c/first", OPERATOR)
    before = body["assets"]["data"]["href"].rsplit("/", 1)[-1]
    with small.store.stage() as scratch:
        (scratch / "new.tif").write_bytes(b"II*\0" + b"another version")
        key = small.store.put_file(scratch / "new.tif", ".tif")
    body["assets"]["data"] |= {
        "href": f"/objects/{key}", "file:checksum": f"1220{digest_in(key)}"
    }  # fmt: skip
    with small.catalog.transaction() as tx:
        tx.revise(Record("item", "c/first", body, 1, "open", ()))
    package(small, "c/first", "bagit", tmp_path / "b", PUBLIC)
    import_package(other, tmp_path / "b")
    past = other.catalog.past("item", "c/first", 1, PUBLIC)
    assert past["assets"]["data"]["href"].endswith(before)
    assert other.store.read(before) == small.store.read(before)
    package(other, "c/first", "bagit", tmp_path / "again", PUBLIC)
    names = [
        sorted(p.relative_to(place / "data").as_posix() for p in (place / "data").rglob("*.*"))
        for place in (tmp_path / "b", tmp_path / "again")
    ]
    assert names[0] == names[1]


def test_items_of_an_owned_collection_keep_owner_and_rule_and_can_be_rebuilt(
    small: Node, other: Node, tmp_path: Path
) -> None:
    collection = small.catalog.get("collection", "c", OPERATOR) | {"ec:owner": "hydro"}
    item = small.catalog.get("item", "c/first", OPERATOR)
    item["ec:access"] = {"fetch": "licence:cc-by-nc-4.0"}
    with small.catalog.transaction() as tx:
        tx.revise(Record("collection", "c", collection))
        tx.revise(Record("item", "c/first", item, 1, "open", ()))
    package(small, "c/first", "bagit", tmp_path / "b", OPERATOR)
    import_package(other, tmp_path / "b")
    assert other.catalog.standing("item", "c/first", OPERATOR) == small.catalog.standing(
        "item", "c/first", OPERATOR
    )
    assert rebuild_catalog(other) > 0


def damage_byte(bag: Path) -> None:
    flip(next((bag / "data" / "objects").iterdir()))


def remove_file(bag: Path) -> None:
    next((bag / "data" / "objects").iterdir()).unlink()


def add_file(bag: Path) -> None:
    (bag / "data" / "extra").write_text("x")


def add_listed_object(bag: Path) -> None:
    (bag / "data" / "objects" / (digest_of(b"x") + ".tif")).write_bytes(b"x")
    resealed(bag)


def add_link(bag: Path) -> None:
    (bag / "data" / "link").symlink_to("/etc/passwd")


def climb(bag: Path) -> None:
    file = bag / "manifest-sha256.txt"
    file.write_text(file.read_text() + "0" * 64 + "  data/../../escaped\n")
    (bag / "tagmanifest-sha256.txt").unlink()


def leave_data(bag: Path) -> None:
    file = bag / "manifest-sha256.txt"
    file.write_text(file.read_text() + digest_of(b"") + "  bag-info2.txt\n")
    (bag / "bag-info2.txt").touch()
    (bag / "tagmanifest-sha256.txt").unlink()


def fetch(bag: Path) -> None:
    (bag / "fetch.txt").write_text("http://127.0.0.1/x 3 data/x\n")


def weak(bag: Path) -> None:
    (bag / "manifest-sha256.txt").rename(bag / "manifest-md5.txt")


def change_tag(bag: Path) -> None:
    (bag / "bag-info.txt").write_text("Source-Organization: somebody else\n")


def forge_record(bag: Path) -> None:
    for file in (bag / "data" / "records").iterdir():
        file.write_bytes(file.read_bytes().replace(b"Title", b"Other"))
    resealed(bag)


def disguise(bag: Path) -> None:
    """A VRT under the name of a GeoTIFF, with records and manifests that agree."""
    bad = b"<VRTDataset/>" + b" " * 100
    wrong = digest_of(bad) + ".tif"
    for file in (bag / "data" / "records").iterdir():
        value = json.loads(file.read_bytes())
        if value["kind"] != "item":
            continue
        old = value["body"]["assets"]["data"]["href"].rsplit("/", 1)[-1]
        value["body"]["assets"]["data"]["href"] = f"/objects/{wrong}"
        record = Record.from_json(value)
        file.unlink()
        (file.parent / f"{record.digest}.json").write_bytes(record.object_bytes)
        (bag / "data" / "objects" / old).unlink()
        (bag / "data" / "objects" / wrong).write_bytes(bad)
    resealed(bag)


def point_elsewhere(bag: Path) -> None:
    for file in (bag / "data" / "records").iterdir():
        value = json.loads(file.read_bytes())
        if value["kind"] == "item":
            old = value["body"]["assets"]["data"]["href"].rsplit("/", 1)[-1]
            (bag / "data" / "objects" / old).unlink()
            value["body"]["assets"]["data"]["href"] = "http://127.0.0.1/x.tif"
            record = Record.from_json(value)
            file.unlink()
            (file.parent / f"{record.digest}.json").write_bytes(record.object_bytes)
    resealed(bag)


@pytest.mark.parametrize(
    ("spoil", "error", "code"),
    [
        (damage_byte, IntegrityError, "integrity"),
        (remove_file, IntegrityError, "integrity"),
        (change_tag, IntegrityError, "integrity"),
        (add_file, RefusedFileError, "extra-file"),
        (add_listed_object, RefusedFileError, "extra-file"),
        (add_link, RefusedFileError, "link"),
        (climb, RefusedFileError, "bad-path"),
        (leave_data, RefusedFileError, "bad-path"),
        (fetch, RefusedFileError, "external-reference"),
        (weak, RefusedFileError, "unknown-format"),
        (forge_record, RefusedFileError, "malformed"),
        (disguise, RefusedFileError, "format-mismatch"),
        (point_elsewhere, RefusedFileError, "external-reference"),
    ],
)
def test_a_spoilt_bag_is_refused_and_leaves_nothing(
    small: Node, other: Node, tmp_path: Path, spoil: Any, error: Any, code: str
) -> None:
    package(small, "c/second", "bagit", tmp_path / "bag", PUBLIC)
    spoil(tmp_path / "bag")
    before = kept(other)
    with pytest.raises(error) as told:
        import_package(other, tmp_path / "bag")
    assert told.value.code == code
    assert kept(other) == before
    assert list((other.root / "tmp").iterdir()) == []
    assert not (tmp_path / "escaped").exists()


def test_a_spoilt_crate_is_refused(small: Node, other: Node, tmp_path: Path) -> None:
    package(small, "c/second", "ro-crate", tmp_path / "crate", PUBLIC)
    (tmp_path / "crate" / "extra.txt").write_text("x")
    with pytest.raises(RefusedFileError) as told:
        import_package(other, tmp_path / "crate")
    assert told.value.code == "extra-file"
    (tmp_path / "crate" / "extra.txt").unlink()
    flip(tmp_path / "crate" / "objects" / key_of(small, "c/second"))
    with pytest.raises(IntegrityError):
        import_package(other, tmp_path / "crate")
    (tmp_path / "crate" / METADATA).unlink()
    with pytest.raises(RefusedFileError) as told:
        import_package(other, tmp_path / "crate")
    assert told.value.code == "unknown-format"
    assert kept(other) == set()


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped", "a/../../escaped", "a\\..\\b"])
def test_a_zip_with_a_path_that_leaves_it_is_refused(
    other: Node, tmp_path: Path, name: str
) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("bagit.txt", "BagIt-Version: 1.0\n")
        archive.writestr(zipfile.ZipInfo(name), "x")
    with pytest.raises(RefusedFileError) as told:
        import_package(other, tmp_path / "bad.zip")
    assert told.value.code == "bad-path"


def test_a_zip_that_holds_a_link_a_bomb_or_two_of_a_name_is_refused(
    other: Node, tmp_path: Path
) -> None:
    def refusal(limits: Limits | None = None) -> str:
        with pytest.raises(RefusedFileError) as told:
            import_package(other, tmp_path / "bad.zip", limits)
        return str(told.value.code)

    link = zipfile.ZipInfo("data/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refusal() == "link"
    with zipfile.ZipFile(tmp_path / "bad.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bagit.txt", bytes(4 * 2**20))
    assert refusal() == "archive-bomb"
    assert refusal(Limits(archive_bytes=1000)) == "declared-too-large"
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("bagit.txt", "x")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("bagit.txt", "y")
    assert refusal() == "malformed"
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    assert refusal() == "malformed"


def test_another_item_of_the_same_name_is_a_conflict_and_nothing_is_taken(
    small: Node, other: Node, tmp_path: Path, geotiff: Callable[..., Path]
) -> None:
    add_item(other, geotiff, "first", 99)
    package(small, "c", "bagit", tmp_path / "b", PUBLIC)
    before = other.catalog.count("item", OPERATOR)
    with pytest.raises(ConflictError):
        import_package(other, tmp_path / "b")
    assert other.catalog.count("item", OPERATOR) == before


def test_a_run_whose_inputs_are_nowhere_is_left_out_and_said(
    small: Node, other: Node, tmp_path: Path
) -> None:
    package(small, "c/first", "ro-crate", tmp_path / "crate", PUBLIC)
    for file in (tmp_path / "crate" / "records").iterdir():
        if json.loads(file.read_bytes())["kind"] == "region-set":
            file.unlink()
            value = json.loads((tmp_path / "crate" / METADATA).read_text())
            name = f"records/{file.name}"
            value["@graph"] = [e for e in value["@graph"] if e["@id"] != name]
            (tmp_path / "crate" / METADATA).write_text(json.dumps(value))
    taken = import_package(other, tmp_path / "crate")
    assert taken.runs == []
    assert [reason for _, reason in taken.left_out] == ["needs region set ec:one"]


def test_packages_of_nothing_and_over_something_are_refused(
    small: Node, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError):
        package(small, "c", cast("PackageForm", "tar"), tmp_path / "x", PUBLIC)
    with pytest.raises(NotFoundError):
        package(small, "c/none", "bagit", tmp_path / "x", PUBLIC)
    with pytest.raises(NotFoundError):
        package(small, "none", "bagit", tmp_path / "x", PUBLIC)
    with pytest.raises(ConflictError):
        package(small, "c", "bagit", tmp_path, PUBLIC)
    with pytest.raises(NotFoundError):
        import_package(small, tmp_path / "none.zip")


def test_a_package_from_the_command_line(
    small: Node, other: Node, tmp_path: Path, cli: Callable[..., Ended]
) -> None:
    out = tmp_path / "c.zip"
    made = cli("package", "export", "c", "--as", "bagit", "--out", out, "--node", small.root)
    assert made.code == 0, made.err
    shutil.unpack_archive(out, tmp_path / "unpacked")
    bagit.Bag(os.fspath(tmp_path / "unpacked" / "c")).validate()
    taken = cli("package", "import", out, "--node", other.root)
    assert (taken.code, taken.out.count("published  c/")) == (0, 2)
    assert cli("package", "export", "c", "--as", "tar", "--node", small.root).code == 2
