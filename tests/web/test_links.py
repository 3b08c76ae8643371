"""Bytes over HTTP: parts, conditions and digests; and links that open them to their holder."""

from __future__ import annotations

import base64
import hashlib
import hmac
import stat
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.access_node import OPEN, SECRET, Desk, desk, digest

from earthcommons.commons.stories import linking, withdrawing
from earthcommons.commons.stories.access import Rule, set_rule
from earthcommons.commons.stories.getting import Getter
from earthcommons.model import OPERATOR
from earthcommons.model.record import Link, Record
from earthcommons.policy import acting_as, moment
from earthcommons.store import digest_of_path, tree_manifest
from earthcommons.web.objects import disposition

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons import Node


HERE = f"/objects/{digest(OPEN)}.tif"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("links"))


@pytest.fixture
def node(tmp_path: Path) -> Desk:
    return desk(tmp_path)


def give(node: Desk, who: str, **changes: Any) -> Any:
    body = {"kind": "item", "name": "snow/shut", "asset": "data", "seconds": 600} | changes
    return node.at(who).post("/api/links", json=body)


def link(node: Desk, who: str, **changes: Any) -> str:
    answer = give(node, who, **changes)
    assert answer.status_code == 201
    return str(answer.json()["url"])


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-3", OPEN[:4]), ("bytes=5-", OPEN[5:]), ("bytes=-7", OPEN[-7:]),
        ("bytes=10-999999", OPEN[10:]), ("bytes=-999999", OPEN), ("BYTES=1-1", OPEN[1:2]),
    ],
)  # fmt: skip
def test_one_range_is_served_exactly(shared: Desk, asked: str, part: bytes) -> None:
    answer = shared.at().get(HERE, headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, part)
    first = {4: 0, 1: 1}.get(len(part), len(OPEN) - len(part))
    first = 10 if asked.startswith("bytes=10-") else first
    assert answer.headers["content-range"] == (
        f"bytes {first}-{first + len(part) - 1}/{len(OPEN)}"
    )


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,4-5", "bytes=9999999-", "bytes=5-4", "bytes=-0", "bytes=", "bytes=a-b",
     "bytes=0-" + "9" * 30, "bytes=" + ",".join("0-1" for _ in range(1000))],
)  # fmt: skip
def test_a_range_that_is_not_one_part_is_refused(shared: Desk, asked: str) -> None:
    answer = shared.at().get(HERE, headers={"range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (
        416,
        f"bytes */{len(OPEN)}",
    )
    assert answer.json()["type"].endswith(":bad-range")


def test_conditions_decide_between_all_a_part_and_nothing(shared: Desk) -> None:
    web = shared.at()
    tag = f'"{digest(OPEN)}"'
    assert web.get(HERE).headers["etag"] == tag
    for holds, value in ((True, tag), (False, '"x"'), (False, f"W/{tag}"), (False, "x" * 9)):
        answer = web.get(HERE, headers={"range": "bytes=0-3", "if-range": value})
        assert (answer.status_code, len(answer.content)) == (
            (206, 4) if holds else (200, len(OPEN))
        )
    assert web.get(HERE, headers={"range": "lines=0-3"}).status_code == 200
    for value in (tag, f'"x", W/{tag}', "*"):
        assert web.get(HERE, headers={"if-none-match": value}).status_code == 304
    head = web.head(HERE)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(OPEN))


def test_the_digest_is_told_and_the_bytes_have_it(shared: Desk) -> None:
    web = shared.at()
    told = base64.b64encode(hashlib.sha256(OPEN).digest()).decode()
    assert web.get(HERE).headers["repr-digest"] == f"sha-256=:{told}:"
    part = web.get(HERE, headers={"range": "bytes=0-3", "want-repr-digest": "sha-256=1"})
    assert part.headers["repr-digest"] == f"sha-256=:{told}:"
    for other in ("sha-512=3", "sha-256=0", "md5"):
        assert "repr-digest" not in web.get(HERE, headers={"want-repr-digest": other}).headers


def test_only_what_is_open_is_kept_in_caches(shared: Desk) -> None:
    assert "immutable" in shared.at().get(HERE).headers["cache-control"]
    assert shared.at("mei").get(HERE).headers["cache-control"] == "private, no-store"
    shut = link(shared, "mei")
    assert shared.at().get(shut).headers["cache-control"] == "private, no-store"


def test_i46_a_picture_that_can_run_scripts_is_never_shown_in_place(node: Desk) -> None:
    keys = [
        node.node.store.put_bytes(b"<svg onload='x'/>", f".{kind}") for kind in ("svg", "html")
    ]
    body: dict[str, Any] = {
            "type": "Feature", "id": "i46", "collection": "snow", "geometry": None, "links": [],
            "properties": {"datetime": "2020-01-01T00:00:00Z"},
            "assets": {key[-4:]: {"href": f"/objects/{key}", "type": "image/svg+xml"}
                       for key in keys}}  # fmt: skip
    with node.node.catalog.transaction() as tx:
        links = (Link("in", "collection", "snow"),)
        tx.put(Record("item", "snow/i46", body, links=links))
    for key in keys:
        answer = node.at().get(f"/objects/{key}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.tif", 'attachment; filename="a.tif"'),
        ('a"; x.tif', "attachment; filename=\"a___x.tif\"; filename*=UTF-8''a%22%3B%20x.tif"),
        ("雪.tif", "attachment; filename=\"_.tif\"; filename*=UTF-8''%E9%9B%AA.tif"),
        ("../../etc/.profile", 'attachment; filename="profile"'),
        ("a\r\nb: c", "attachment; filename=\"a__b__c\"; filename*=UTF-8''a%0D%0Ab%3A%20c"),
    ],
)  # fmt: skip
def test_a_file_name_breaks_no_header(name: str, said: str) -> None:
    assert disposition(name) == said


def test_a_tree_answers_with_the_manifest_its_digest_is_of(node: Desk, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "c").mkdir(parents=True)
    (tree / "zarr.json").write_text("{}")
    (tree / "c" / "0").write_bytes(b"chunk")
    manifest = tree_manifest(tree)
    key = node.node.store.put_tree(tree, ".zarr")
    body: dict[str, Any] = {
            "type": "Feature", "id": "t", "collection": "snow", "geometry": None, "links": [],
            "properties": {"datetime": "2020-01-01T00:00:00Z"},
            "assets": {"data": {"href": f"/objects/{key}"}}}  # fmt: skip
    with node.node.catalog.transaction() as tx:
        tx.put(Record("item", "snow/t", body, links=(Link("in", "collection", "snow"),)))
    web = node.at()
    assert web.get(f"/objects/{key}").content == manifest
    assert key.startswith(digest(manifest))
    part = web.get(f"/objects/{key}/c/0", headers={"want-repr-digest": "sha-256=1"})
    told = base64.b64encode(hashlib.sha256(b"chunk").digest()).decode()
    assert (part.content, part.headers["repr-digest"]) == (b"chunk", f"sha-256=:{told}:")
    away = link(node, "mei", name="snow/t")
    assert web.get(away).content == manifest
    assert web.get(f"{away}/c/0").content == b"chunk"
    for wrong in ("c/1", "%2e%2e/x", "c", "..%2f..%2fnode.toml"):
        assert web.get(f"{away}/{wrong}").status_code == 404


def test_whoever_holds_a_link_has_the_bytes_and_parts_of_them(shared: Desk) -> None:
    at = link(shared, "mei")
    web = shared.at()
    assert web.get(f"/objects/{digest(SECRET)}.nc").status_code == 404
    assert web.get(at).content == SECRET
    assert 'filename="snow-shut-data.nc"' in web.get(at).headers["content-disposition"]
    part = web.get(at, headers={"range": "bytes=7-11"})
    assert (part.status_code, part.content) == (206, SECRET[7:12])
    head = web.head(at)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(SECRET)))


def test_a_link_is_given_only_by_who_may_fetch(shared: Desk) -> None:
    assert give(shared, "").status_code == 401
    never = give(shared, "eve", name="snow/never")
    assert (never.status_code, give(shared, "eve").status_code) == (404, 404)
    assert give(shared, "mei", asset="no").status_code == 404
    for changes in ({"seconds": 604801}, {"seconds": 0}, {"seconds": True}, {"kind": "run"},
                    {"by": "ann"}):  # fmt: skip
        assert give(shared, "mei", **changes).status_code == 400
    assert give(shared, "mei", seconds=604800).status_code == 201


def test_an_asset_that_is_seen_but_withheld_has_no_link(node: Desk) -> None:
    with acting_as(OPERATOR):
        set_rule(node.node, "item", "snow/open", Rule("open", "group:snow"))
    assert give(node, "eve", name="snow/open").status_code == 403
    assert give(node, "mei", name="snow/open").status_code == 201


def test_giving_a_link_is_in_the_audit_log(node: Desk) -> None:
    link(node, "mei")
    (line,) = node.node.catalog.audit_log_of("item", "snow/shut")
    assert (line.who, line.action, line.detail["asset"]) == ("mei", "link-give", "data")


def test_the_key_of_links_is_made_once_and_for_its_owner_only(node: Desk) -> None:
    link(node, "mei")
    file = node.node.root / "keys" / "link.key"
    first = file.read_bytes()
    link(node, "mei")
    assert (file.read_bytes(), len(first)) == (first, 32)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["link.key"]


def test_a_link_ends_with_its_time(node: Desk) -> None:
    text = link(node, "mei", seconds=60).rpartition("/")[2]
    at = moment()
    with acting_as(OPERATOR, at + timedelta(seconds=58)):
        assert linking.use_link(node.node, text).item == "snow/shut"
    with acting_as(OPERATOR, at + timedelta(seconds=61)), pytest.raises(LookupError):
        linking.use_link(node.node, text)


def ended(node: Desk, why: str) -> None:
    people = node.node.catalog.people
    with acting_as(OPERATOR):
        match why:
            case "left":
                people.leave("mei", "snow")
            case "closed":
                people.set_active("mei", False)
            case "withdrawn":
                withdrawing.withdraw(node.node, "item", "snow/shut", "rights")
            case "restricted":
                set_rule(node.node, "item", "snow/shut", Rule("steward", "open"))
            case "suspect":
                node.node.store.mark(f"{digest(SECRET)}.nc", "0" * 64)
            case "other key":
                (node.node.root / "keys" / "link.key").unlink()


@pytest.mark.parametrize(
    "why", ["left", "closed", "withdrawn", "restricted", "suspect", "other key"]
)
def test_a_link_ends_when_its_giver_could_no_longer_fetch(node: Desk, why: str) -> None:
    at = link(node, "mei")
    web = node.at()
    assert web.get(at).status_code == 200
    ended(node, why)
    refused = web.get(at)
    assert refused.status_code == 404
    assert refused.content == web.get("/l/nonsense").content


def test_a_link_asked_for_with_a_key_ends_with_that_key_alone(node: Desk) -> None:
    keys = node.node.catalog.credentials
    first = link(node, "mei")
    with acting_as(OPERATOR):
        (name,) = (key.name for key in keys.keys("mei"))
        other = keys.issue_key("mei", ("read",), 1).reveal()
    web = node.at()
    asked = {"kind": "item", "name": "snow/shut", "asset": "data", "seconds": 7 * 86_400}
    answer = web.post("/api/links", json=asked, headers={"authorization": f"bearer  {other}"})
    assert answer.status_code == 201
    second = answer.json()["url"]
    assert (web.get(first).status_code, web.get(second).status_code) == (200, 200)
    # Its name is in the link, its secret is not.
    said = base64.urlsafe_b64decode(second.rpartition("/")[2] + "==")
    assert other.split("_")[1].encode() in said
    assert other.split("_", 2)[2].encode() not in said
    with acting_as(OPERATOR):
        keys.revoke_key(name)
    assert web.get(first).content == web.get("/l/nonsense").content
    assert (web.get(first).status_code, web.get(second).status_code) == (404, 200)
    # The other key lives one day, its link was given for seven.
    text = second.rpartition("/")[2]
    at = moment()
    with acting_as(OPERATOR, at + timedelta(hours=23)):
        assert linking.use_link(node.node, text).by == "mei"
    with acting_as(OPERATOR, at + timedelta(hours=25)), pytest.raises(LookupError):
        linking.use_link(node.node, text)


def test_a_link_of_a_key_stays_ended_when_the_account_opens_again(node: Desk) -> None:
    by_key = link(node, "mei")
    with acting_as(node.node.catalog.people.party("mei") or OPERATOR):
        by_session, _ = linking.give_link(node.node, "snow/shut", "data", 600)
    web = node.at()
    assert (web.get(by_key).status_code, web.get(f"/l/{by_session}").status_code) == (200, 200)
    for open_again, status in ((False, 404), (True, 200)):
        with acting_as(OPERATOR):
            node.node.catalog.people.set_active("mei", open_again)
        assert web.get(by_key).status_code == 404
        assert web.get(f"/l/{by_session}").status_code == status


def test_a_link_of_an_earlier_program_and_one_of_a_session_last_as_they_did(node: Desk) -> None:
    key = f"{digest(SECRET)}.nc"
    until = int((moment() + timedelta(seconds=600)).timestamp())
    with acting_as(node.node.catalog.people.party("mei") or OPERATOR):
        linking.give_link(node.node, "snow/shut", "data", 600)
    said = f'["snow/shut","data","{key}","mei",{until}]'.encode()
    signing = (node.node.root / "keys" / "link.key").read_bytes()
    tag = hmac.new(signing, b"link:" + said, hashlib.sha256).digest()
    text = base64.urlsafe_b64encode(tag + said).decode().rstrip("=")
    web = node.at()
    web.cookies.set("ec_session", node.node.catalog.credentials.open_session("mei"))
    asked = {"kind": "item", "name": "snow/shut", "asset": "data", "seconds": 600}
    answer = web.post("/api/links", json=asked, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 201
    node.key("mei", "read")
    with acting_as(OPERATOR):
        for each in node.node.catalog.credentials.keys("mei"):
            node.node.catalog.credentials.revoke_key(each.name)
    for at in (f"/l/{text}", answer.json()["url"]):
        assert node.at().get(at).content == SECRET


def test_every_altered_link_is_refused_with_the_same_words(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = link(shared, "mei")
    text = at.rpartition("/")[2]
    web = shared.at()
    expected = web.get("/l/x").content
    altered = {text[:n] + ("B" if text[n] != "B" else "C") + text[n + 1 :]
               for n in range(0, len(text), 7)}  # fmt: skip
    altered |= {text + "=", text + "A", text[:-1], "A" * 50, "é", "a" * 3000, text + "%0A"}
    for other in altered:
        answer = web.get(f"/l/{other}")
        assert (answer.status_code, answer.content) == (404, expected), other
    # It is the comparison in constant time that decides, and nothing else.
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: True)
    flipped = ("B" if text[0] != "B" else "C") + text[1:]
    assert web.get(f"/l/{flipped}").status_code == 200


def test_get_brings_a_file_and_a_zarr_store_of_a_real_node(
    served: tuple[str, Node], tmp_path: Path
) -> None:
    url, node = served
    for item, name in (("raster-00", "data.tif"), ("cube", "data.zarr")):
        found = Getter().get(f"{url}/stac/collections/demo/items/{item}", tmp_path)
        assert [got.why for got in found] == ["", ""]
        stated = node.catalog.get("item", f"demo/{item}")["assets"]["data"]["file:checksum"]
        assert digest_of_path(tmp_path / "demo" / item / name) == stated[4:]
