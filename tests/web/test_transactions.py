"""Items and collections written over HTTP: nothing overwritten, nothing lost, nothing leaked."""

from __future__ import annotations

import gzip
import hashlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.access_node import Desk, collection, desk, item

from earthcommons.commons.stories import editing
from earthcommons.errors import ConflictError
from earthcommons.policy import acting_as
from earthcommons.web import transactions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient

ITEMS = "/stac/collections/snow/items"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("transactions"))


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def made(client: TestClient, id_: str, **properties: Any) -> tuple[str, dict[str, Any]]:
    """Make an item; return its tag and its body as it is served."""
    assert client.post(ITEMS, json=item(id_, **properties)).status_code == 201
    answer = client.get(f"{ITEMS}/{id_}")
    return answer.headers["etag"], answer.json()


def test_i36_the_same_item_again_is_no_new_version(node: Desk) -> None:
    ann = node.at("ann")
    first = ann.post(ITEMS, json=item("i36"))
    again = ann.post(ITEMS, json=item("i36"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["location"].endswith(f"{ITEMS}/i36")
    assert len(node.node.catalog.versions("item", "snow/i36")) == 1


def test_i37_another_item_of_that_id_is_refused_and_changes_nothing(node: Desk) -> None:
    ann = node.at("ann")
    tag, body = made(ann, "i37")
    assert code(ann.post(ITEMS, json=item("i37", title="other"))) == (409, "exists")
    assert ann.get(f"{ITEMS}/i37").json() == body
    assert ann.get(f"{ITEMS}/i37").headers["etag"] == tag


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_c13_who_names_no_version_or_an_old_one_writes_nothing(node: Desk, method: str) -> None:
    ann = node.at("ann")
    tag, body = made(ann, f"c13-{method.lower()}")
    at = f"{ITEMS}/{body['id']}"
    sent = {"content": None} if method == "DELETE" else {"json": body}
    for headers in ({}, {"if-match": "*"}):
        answer = ann.request(method, at, headers=headers, **sent)
        assert code(answer) == (428, "precondition-required")
    newer = body | {"properties": body["properties"] | {"title": "newer"}}
    assert ann.put(at, json=newer, headers={"if-match": tag}).status_code == 200
    for old in (tag, f'"{"0" * 64}"', f"W/{ann.get(at).headers['etag']}"):
        answer = ann.request(method, at, headers={"if-match": old}, **sent)
        assert code(answer) == (412, "stale")
    assert ann.get(at).json()["properties"]["title"] == "newer"


def test_of_two_who_read_the_same_version_one_is_told(node: Desk) -> None:
    tag, body = made(node.at("ann"), "race")
    barrier, answers = threading.Barrier(2), []

    def write(who: str) -> None:
        client = node.at(who)
        barrier.wait(10)
        mine = body | {"properties": body["properties"] | {"title": who}}
        answers.append(
            (who, client.put(f"{ITEMS}/race", json=mine, headers={"if-match": tag}).status_code)
        )

    for who in ("ann", "ben"):
        node.key(who, "read", "submit", "steward", "admin")
    threads = [threading.Thread(target=write, args=(who,)) for who in ("ann", "ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(status for _, status in answers) == [200, 412]
    winner = next(who for who, status in answers if status == 200)
    assert node.at().get(f"{ITEMS}/race").json()["properties"]["title"] == winner


@pytest.mark.parametrize(
    "change",
    [
        {"id": "x"}, {"collection": "y"}, {"ec:owner": "snow"},
        {"properties": {"created": "2021-01-01T00:00:00Z"}},
        {"properties": {"ec:declared": "x"}}, {"links": [{"rel": "self", "href": "https://example.org/"}]},
        {"ec:access": {"fetch": "open"}},
    ],
)  # fmt: skip
def test_c14_what_only_the_node_states_is_read_only(node: Desk, change: dict[str, Any]) -> None:
    ann = node.at("ann")
    if ann.get(f"{ITEMS}/c14").status_code == 404:
        made(ann, "c14", created="2020-01-01T00:00:00Z")
    before = ann.get(f"{ITEMS}/c14")
    tag = {"if-match": before.headers["etag"]}
    assert code(ann.patch(f"{ITEMS}/c14", json=change, headers=tag)) == (409, "read-only")
    if "links" not in change:
        whole = before.json() | change
        whole["properties"] = before.json()["properties"] | change.get("properties", {})
        assert code(ann.put(f"{ITEMS}/c14", json=whole, headers=tag)) == (409, "read-only")
    assert ann.get(f"{ITEMS}/c14").json() == before.json()


def test_a_patch_changes_its_parts_and_no_others(node: Desk) -> None:
    ann = node.at("ann")
    tag, body = made(ann, "patched", gsd=10, platform="p")
    answer = ann.patch(
        f"{ITEMS}/patched", json={"properties": {"gsd": None, "title": "t"}},
        headers={"if-match": tag, "content-type": "application/merge-patch+json"},
    )  # fmt: skip
    assert answer.status_code == 200
    assert answer.headers["etag"] == ann.get(f"{ITEMS}/patched").headers["etag"] != tag
    wanted = {k: v for k, v in body["properties"].items() if k != "gsd"} | {"title": "t"}
    assert answer.json() == body | {"properties": wanted}
    xml = ann.patch(
        f"{ITEMS}/patched", content="<a/>",
        headers={"if-match": answer.headers["etag"], "content-type": "text/xml"},
    )  # fmt: skip
    assert code(xml) == (415, "content-type")


def test_a_deleted_item_leaves_a_tombstone_and_its_name_is_not_given_again(
    node: Desk,
) -> None:
    ann = node.at("ann")
    tag, _ = made(ann, "gone")
    assert ann.delete(f"{ITEMS}/gone", headers={"if-match": tag}).status_code == 204
    answer = node.at().get(f"{ITEMS}/gone")
    assert code(answer) == (410, "gone")
    assert answer.json()["stub"]["reason"] == "retired"
    assert code(ann.post(ITEMS, json=item("gone"))) == (409, "exists")


def test_an_item_collection_is_stored_whole_or_not_at_all(node: Desk) -> None:
    ann = node.at("ann")
    made(ann, "there")
    batch = [item("batch-1"), item("batch-2"), item("there", title="other")]
    sent = {"type": "FeatureCollection", "features": batch}
    assert code(ann.post(ITEMS, json=sent)) == (409, "exists")
    assert ann.get(f"{ITEMS}/batch-1").status_code == 404
    sent["features"] = batch[:2]
    answer = ann.post(ITEMS, json=sent)
    assert answer.status_code == 201
    assert [each["state"] for each in answer.json()["items"]] == ["created", "created"]


@pytest.mark.parametrize(
    ("who", "scopes", "status"),
    [
        ("", (), 403), ("eve", (), 403), ("mei", (), 403), ("sam", (), 403),
        ("ann", ("read", "submit"), 403), ("root", (), 201),
    ],
)  # fmt: skip
def test_who_is_no_steward_writes_nothing(
    node: Desk, who: str, scopes: tuple[str, ...], status: int
) -> None:
    client = node.at(who, *scopes)
    assert client.post(ITEMS, json=item(f"by-{who or 'all'}")).status_code == status
    if status == 403:
        tag = {"if-match": client.get(f"{ITEMS}/open").headers["etag"]}
        assert client.delete(f"{ITEMS}/open", headers=tag).status_code == 403
        assert client.put(f"{ITEMS}/open", json=item("open"), headers=tag).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_an_item_one_may_not_see_is_not_there_to_be_written(node: Desk, method: str) -> None:
    eve = node.at("eve")
    tag = node.node.catalog.version("item", "snow/shut")
    assert tag is not None
    told = []
    for id_ in ("shut", "never"):
        for headers in ({}, {"if-match": f'"{tag[1]}"'}):
            sent = {} if method == "DELETE" else {"json": item(id_)}
            answer = eve.request(method, f"{ITEMS}/{id_}", headers=headers, **sent)  # type: ignore[arg-type]
            told.append(answer.text.replace(id_, "X"))
            assert answer.status_code == 404
    assert len(set(told)) == 1


@pytest.mark.parametrize(
    "href",
    ["http://example.org/a.tif", "s3://bucket/a.tif", "javascript:alert(1)", "file:///etc/passwd",
     "//example.org/a", "https://u:p@example.org/a", "/objects/../node.toml", "a.tif",
     "/objects/" + "a" * 64 + ".tif", "SHUT"],
)  # fmt: skip
def test_i40_an_address_that_is_not_public_is_refused(node: Desk, href: str) -> None:
    if href == "SHUT":
        # Staff may read these bytes; that does not make them theirs to publish.
        shut = node.at("ann").get(f"{ITEMS}/shut").json()["assets"]["data"]["href"]
        assert node.at("ann").get(shut).status_code == 200
        href = shut
    sent = item("linked") | {"assets": {"data": {"href": href}}}
    assert code(node.at("ann").post(ITEMS, json=sent)) == (422, "bad-href")


def test_a_public_address_is_kept_and_an_open_object_can_be_named_again(node: Desk) -> None:
    ann = node.at("ann")
    ours = ann.get(f"{ITEMS}/open").json()["assets"]["data"]["href"]
    away = "https://example.org/a.tif"
    assets = {"here": {"href": ours}, "there": {"href": away}}
    answer = ann.post(ITEMS, json=item("twice") | {"assets": assets})
    assert answer.status_code == 201
    assert answer.json()["assets"] == assets
    stored = node.node.catalog.get("item", "snow/twice")["assets"]["here"]["href"]
    assert stored == ours.removeprefix(node.node.settings.url)


def test_an_item_read_and_written_back_is_unchanged_even_when_closed(node: Desk) -> None:
    ann = node.at("ann")
    for id_ in ("open", "shut"):
        read = ann.get(f"{ITEMS}/{id_}")
        tag = {"if-match": read.headers["etag"]}
        back = ann.put(f"{ITEMS}/{id_}", json=read.json(), headers=tag)
        again = ann.put(
            f"{ITEMS}/{id_}", json=read.json(), headers={"if-match": back.headers["etag"]}
        )
        assert (back.status_code, again.status_code) == (200, 200)
        assert again.headers["etag"] == back.headers["etag"]
        assert again.json()["assets"] == read.json()["assets"]
    assert node.at().get(f"{ITEMS}/shut").status_code == 404


def test_a_list_of_no_items_is_told_what_is_missing(node: Desk) -> None:
    answer = node.at("ann").post(ITEMS, json={"type": "FeatureCollection", "features": []})
    assert answer.status_code == 400
    assert "features holds no item" in answer.json()["detail"]
    many = {"type": "FeatureCollection", "features": [{}] * 10_001}
    assert node.at("ann").post(ITEMS, json=many).status_code == 413


def test_what_one_has_already_is_not_sent_again(node: Desk) -> None:
    ann, public = node.at("ann"), node.at()
    tag, _ = made(ann, "known")
    for path in (f"{ITEMS}/known", "/stac/collections/snow"):
        tag = public.get(path).headers["etag"]
        for stated in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            answer = public.get(path, headers={"if-none-match": stated})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
            assert public.head(path, headers={"if-none-match": stated}).status_code == 304
        for stated in ('"other"', tag.strip('"'), ""):
            assert public.get(path, headers={"if-none-match": stated}).status_code == 200
    ann.delete(
        f"{ITEMS}/known", headers={"if-match": ann.get(f"{ITEMS}/known").headers["etag"]}
    )
    assert public.get(f"{ITEMS}/known", headers={"if-none-match": tag}).status_code == 410
    shut = node.at("mei").get(f"{ITEMS}/shut").headers["etag"]
    hidden = {"if-none-match": shut}
    assert node.at("mei").get(f"{ITEMS}/shut", headers=hidden).status_code == 304
    assert public.get(f"{ITEMS}/shut", headers=hidden).status_code == 404
    assert public.get(f"{ITEMS}/nothing", headers=hidden).status_code == 404


def test_a_view_with_assets_withheld_has_a_tag_of_its_own(node: Desk) -> None:
    ann = node.at("ann")
    body = item("partly") | {"assets": {
        "open": {"href": "https://e.example.org/a.tif"},
        "shut": {"href": "https://e.example.org/b.tif", "ec:access": "group:snow"},
    }}  # fmt: skip
    assert ann.post(ITEMS, json=body).status_code == 201
    less, whole = (node.at(who).get(f"{ITEMS}/partly") for who in ("", "mei"))
    digest = node.node.catalog.version("item", "snow/partly")
    assert digest is not None
    assert whole.headers["etag"] == f'"{digest[1]}"'
    assert less.headers["etag"] == f'"part-{hashlib.sha256(less.content).hexdigest()}"'
    for who, mine, other in (("", less, whole), ("mei", whole, less)):
        known = {"if-none-match": mine.headers["etag"]}
        assert node.at(who).get(f"{ITEMS}/partly", headers=known).status_code == 304
        others = {"if-none-match": other.headers["etag"]}
        assert node.at(who).get(f"{ITEMS}/partly", headers=others).json() == mine.json()
    at = "/api/records/item/snow/partly/versions"
    rows = {who: node.at(who).get(at).json()["versions"] for who in ("", "mei")}
    assert ["digest" in row for row in rows[""]] == [False]
    assert [row["digest"] for row in rows["mei"]] == [digest[1]]


def test_who_sees_a_part_learns_of_no_guess_whether_it_is_right(node: Desk) -> None:
    # A key that publishes and does not read.
    ann = node.at("ann", "steward")
    body = item("guessed") | {"assets": {
        "shut": {"href": "https://e.example.org/b.tif", "ec:access": "licence:cc-by-nc-4.0"},
    }}  # fmt: skip
    made = ann.post(ITEMS, json=body)
    assert made.status_code == 201
    known = node.node.catalog.version("item", "snow/guessed")
    assert known is not None
    seen = ann.get(f"{ITEMS}/guessed")
    assert "ec:withheld" in seen.json()
    assert known[1] not in made.headers["etag"] + seen.headers["etag"]
    assert ann.post(ITEMS, json=body).status_code == 409
    for tag in (known[1], "0" * 64):
        stated = {"if-match": f'"{tag}"'}
        for method, sent in (("PUT", body), ("PATCH", {}), ("DELETE", None)):
            answer = ann.request(method, f"{ITEMS}/guessed", json=sent, headers=stated)
            assert answer.status_code == 403, (method, tag)


def test_an_extent_grows_with_what_is_as_open_as_its_collection(tmp_path: Path) -> None:
    node = desk(tmp_path)
    ann = node.at("ann")

    def extent() -> tuple[Any, Any]:
        found = node.at().get("/stac/collections/snow").json()["extent"]
        return found["spatial"]["bbox"][0], found["temporal"]["interval"][0]

    tag = {"if-match": ann.get(f"{ITEMS}/shut").headers["etag"]}
    far = item("shut", datetime="2001-01-01T00:00:00Z")
    far |= {"geometry": {"type": "Point", "coordinates": [-70, 5]}, "bbox": [-70, 5, -70, 5]}
    assert ann.put(f"{ITEMS}/shut", json=far, headers=tag).status_code == 200
    assert extent() == ([10, 40, 20, 50], ["2015-01-01T00:00:00Z", "2015-12-31T00:00:00Z"])
    assert ann.post(ITEMS, json=far | {"id": "far"}).status_code == 201
    assert extent() == ([-70, 5, 20, 50], ["2001-01-01T00:00:00Z", "2015-12-31T00:00:00Z"])


def test_a_collection_is_made_changed_and_retired_by_its_stewards(node: Desk) -> None:
    ann, at = node.at("ann"), "/stac/collections/rain"
    mine = collection("rain", **{"ec:owner": "hydro"})
    mine["extent"]["temporal"]["interval"] = [["2015-01-01T00:00:00Z", None]]
    for who in ("", "eve", "mei"):
        assert node.at(who).post("/stac/collections", json=mine).status_code == 403
    assert ann.post("/stac/collections", json=collection("rain")).status_code == 403
    first = ann.post("/stac/collections", json=mine)
    assert first.status_code == 201
    assert ann.post("/stac/collections", json=mine).status_code == 200
    assert code(ann.post("/stac/collections", json=mine | {"title": "x"})) == (409, "exists")
    tag = ann.get(at).headers["etag"]
    assert tag == first.headers["etag"]
    assert code(ann.patch(at, json={"title": "x"})) == (428, "precondition-required")
    refused = ann.patch(at, json={"ec:owner": "snow"}, headers={"if-match": tag})
    assert code(refused) == (409, "read-only")
    changed = ann.patch(at, json={"title": "Rain, daily"}, headers={"if-match": tag})
    assert changed.json()["title"] == "Rain, daily"
    rain = item("r1", datetime="2020-01-01T00:00:00Z") | {"collection": "rain"}
    assert ann.post(f"{at}/items", json=rain).status_code == 201
    read = ann.get(at)
    assert read.json()["extent"]["temporal"]["interval"] == [["2015-01-01T00:00:00Z", None]]
    last = {"if-match": read.headers["etag"]}
    assert code(ann.delete(at, headers=last)) == (409, "not-empty")
    r1 = {"if-match": ann.get(f"{at}/items/r1").headers["etag"]}
    assert ann.delete(f"{at}/items/r1", headers=r1).status_code == 204
    assert ann.delete(at, headers=last).status_code == 204
    assert ann.get(at).status_code == 410


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"type": "Feature"}, 422, "invalid-item"), ({"id": "../x"}, 400, "bad-id"),
        ({"license": None}, 422, "invalid-item"), ({"extent": {}}, 422, "invalid-item"),
        ({"extent": {"spatial": {"bbox": [[0, 0, 1]]}, "temporal": {"interval": [[None, None]]}}},
         400, "bad-bbox"),
        ({"extent": {"spatial": {"bbox": [[0, 0, 1, 1]]},
                     "temporal": {"interval": [["2015", "x"]]}}}, 422, "bad-time"),
        ({"ec:access": {"fetch": "open"}}, 409, "read-only"),
        ({"ec:owner": "nobody"}, 403, "access-denied"),
    ],
)  # fmt: skip
def test_what_is_no_collection_is_refused(
    node: Desk, change: dict[str, Any], status: int, said: str
) -> None:
    sent = collection("odd", **{"ec:owner": "hydro"}) | change
    assert code(node.at("ann").post("/stac/collections", json=sent)) == (status, said)


def test_every_write_is_a_line_of_the_audit_log(node: Desk) -> None:
    ann = node.at("ann")
    tag, body = made(ann, "noted")
    body["properties"]["title"] = "changed"
    tag = ann.put(f"{ITEMS}/noted", json=body, headers={"if-match": tag}).headers["etag"]
    ann.delete(f"{ITEMS}/noted", headers={"if-match": tag})
    lines = node.node.catalog.audit_log_of("item", "snow/noted")
    assert [(line.who, line.action) for line in lines] == [
        ("ann", "item-create"), ("ann", "item-replace"), ("ann", "withdraw"),
    ]  # fmt: skip


@pytest.mark.parametrize("act", ["replace", "patch", "retire"])
def test_c13_the_version_is_looked_at_again_where_nobody_else_writes(
    node: Desk, act: str
) -> None:
    """What came between the first look and the lock is seen: not the door alone compares."""
    name = f"again-{act}"
    made(node.at("ann"), name)
    old = {"replace": (item(name, title="x"),), "patch": ({"properties": {"title": "x"}},)}
    ann = node.node.catalog.people.party("ann")
    assert ann is not None
    with acting_as(ann), pytest.raises(ConflictError) as refused:
        getattr(editing, act)(node.node, "item", f"snow/{name}", *old.get(act, ()), "0" * 64)
    assert refused.value.code == "stale"
    assert len(node.node.catalog.versions("item", f"snow/{name}")) == 1


def test_c15_a_body_over_its_bound_is_refused_while_it_arrives(
    node: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "_MOST", 1000)
    ann = node.at("ann")

    def unstated() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    json = {"content-type": "application/json"}
    assert code(ann.post(ITEMS, content=b" " * 1001, headers=json)) == (413, "too-large")
    assert code(ann.post(ITEMS, content=unstated(), headers=json)) == (413, "too-large")
    packed = json | {"content-encoding": "gzip"}
    answer = ann.post(ITEMS, content=gzip.compress(b" " * 10**6), headers=packed)
    assert code(answer) == (415, "content-encoding")
