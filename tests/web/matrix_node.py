"""A node with one of everything under every label, each thing marked by words nobody else uses.

What each thing asks for is worked out here from the labels as stated, by the policy's own algebra
and without the catalogue: the matrix compares the two.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from rasterio.transform import from_origin
from starlette.testclient import TestClient
from tests.web.pages_node import _region_set
from tests.web.policy_table import would_write

from earthcommons.commons import Node, make_node
from earthcommons.commons.stories import submitting, uploading
from earthcommons.commons.stories.withdrawing import add_erratum, withdraw
from earthcommons.ingest import ingest
from earthcommons.model import (
    Declaration,
    InputRef,
    Link,
    Need,
    Observation,
    Offer,
    Period,
    Record,
    Report,
    Run,
    Statement,
    Text,
    VariableDeclaration,
)
from earthcommons.model.party import OPERATOR, PUBLIC, Party
from earthcommons.policy import OPEN, acting_as, combine, own
from earthcommons.runs import publish_run
from earthcommons.settings import Settings
from earthcommons.web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx2
    from fastapi import FastAPI
    from shapely.geometry.base import BaseGeometry

__all__ = ["CASES", "MatrixNode", "Thing", "build", "parties"]

OWNER = "hydro"
_SCOPES = frozenset({"read", "submit", "steward", "admin"})
_COUNTRIES: dict[str, tuple[str, str, BaseGeometry]] = {
    f"m49:{900 + n}": (f"Country {n}", f"国家{n}", shapely.box(n, 0, n + 1, 1))
    for n in range(22)
}
_PLACES: dict[str, tuple[str, str, BaseGeometry]] = {
    "ec:nino34": ("Niño", "尼诺", shapely.box(-170, -5, -120, 5))
}


@dataclass(frozen=True, slots=True)
class Case:
    """The labels that one collection, its item and the item's source file state."""

    name: str
    indicator: str
    find: str = OPEN
    derive: str | None = None
    item_find: str = OPEN
    item_fetch: str = OPEN
    source: str = OPEN

    @property
    def n(self) -> int:
        return next(n for n, case in enumerate(CASES) if case.name == self.name)

    @property
    def collection_label(self) -> str:
        return own(self.find, OWNER)

    @property
    def item_label(self) -> str:
        return combine(self.collection_label, own(self.item_find, OWNER))

    @property
    def data_label(self) -> str:
        return combine(self.item_label, own(self.item_fetch, OWNER))

    @property
    def source_label(self) -> str:
        return combine(self.data_label, own(self.source, OWNER))

    @property
    def derived_label(self) -> str:
        above = self.find if self.derive is None else self.derive
        return combine(
            own(above, OWNER), own(self.item_find, OWNER), own(self.item_fetch, OWNER)
        )

    def word(self, kind: str) -> str:
        """A word that stands in this thing of this case and nowhere else."""
        return f"zq{self.name}{kind}"


CASES = (
    Case("opened", "warming"),
    Case("past", "land-use", "after:2001-01-01T00:00:00Z"),
    Case("signed", "green-cover-by-elevation", "registered"),
    Case("licensed", "land-cover-share", "licence:by-nc"),
    Case("grouped", "tree-cover", "group:basin"),
    Case("coming", "night-lights", "after:2999-01-01T00:00:00Z"),
    Case("staff", "sst-anomaly", "steward"),
    Case("oneitem", "sea-ice-extent", item_find="group:basin"),
    Case("oneasset", "lake-ice-duration", source="group:basin"),
    Case("nobytes", "stream-nitrate", item_fetch="licence:by-nc"),
    Case("released", "trout-abundance", "group:basin", derive=OPEN),
)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something a route can address.

    Attributes:
        kind: which sort of address it has.
        names: what stands in for the parameters of a path.
        label: label under which it is found.
        needs: label of its bytes, for those who fetch them.
        owner: group that owns it; empty when only operators do.
        marks: texts that whoever may not find it never reads.
        secrets: texts that whoever may not fetch it never reads.
        author: account that wrote it, which alone edits it.
        gone: whether it was withdrawn.
        alone: whether not even an operator finds what another has written.
        case: the case it stands for; empty for what stands outside them.
    """

    kind: str
    names: dict[str, str]
    label: str
    needs: str = OPEN
    owner: str = ""
    marks: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    author: str = ""
    gone: bool = False
    alone: bool = False
    case: str = ""


@dataclass
class MatrixNode:
    """The node, its application, what is on it and who asks."""

    node: Node
    things: list[Thing]
    headers: dict[str, dict[str, str]]
    app: FastAPI = field(init=False)
    client: TestClient = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Serve the node anew, with nothing kept from earlier answers."""
        self.app = create_app(self.node)
        self.client = TestClient(
            self.app, base_url=self.node.settings.url, raise_server_exceptions=False,
            follow_redirects=False,
        )  # fmt: skip

    def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: Any = None,
        form: dict[str, str] | None = None,
        **headers: str,
    ) -> httpx2.Response:
        """Return the answer to a party's request."""
        sent = {"accept-encoding": "identity", **self.headers[who], **headers}
        return self.client.request(method, path, json=body, data=form, headers=sent)

    def of(self, kind: str) -> Iterator[Thing]:
        """Return the things of a kind."""
        return (thing for thing in self.things if thing.kind == kind)

    @contextmanager
    def dry(self) -> Iterator[None]:
        """Let every change go as far as it is let through, and then take it back."""
        catalog = self.node.catalog
        real = catalog.transaction

        @contextmanager
        def taken_back(**more: Any) -> Iterator[Any]:
            with real(**more) as tx:
                yield tx
                raise would_write()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(catalog, "transaction", taken_back)
            patch.setattr(catalog.people, "_transaction", taken_back)
            yield


def parties() -> dict[str, Party | None]:
    """Return who asks, by name, and what they hold; None for a key that was revoked."""
    held = {
        "eve": Party("eve"),
        "gus": Party("gus", groups=frozenset({"basin"})),
        "liu": Party("liu", licences=frozenset({"by-nc"})),
        "mei": Party("mei", frozenset({"contributor:hydro"})),
        "sam": Party("sam", frozenset({"reviewer:hydro"})),
        "ann": Party("ann", frozenset({"steward:hydro"})),
        "oto": Party("oto", frozenset({"steward:ice"})),
        "root": Party("root", frozenset({"operator"})),
    }
    with_keys: dict[str, Party | None] = {
        name: Party(name, party.roles, party.groups, party.licences, _SCOPES)
        for name, party in held.items()
    }
    ann = held["ann"]
    return {
        "public": PUBLIC,
        **with_keys,
        "reader": Party("ann", ann.roles, scopes=frozenset({"read"})),
        "sender": Party("ann", ann.roles, scopes=frozenset({"submit"})),
        "revoked": None,
        # An ended session is nobody's.
        "ended": PUBLIC,
    }


def build(root: Path) -> MatrixNode:
    """Make the node."""
    node = make_node(root / "node", Settings(port=8124))
    headers = _people(node)
    _region_set(node, "ec:countries-un", "regions/ec-countries-un", _COUNTRIES, [])
    _region_set(node, "ec:places", "regions/ec-places", _PLACES, [])
    raster, cube = _ingested(node, root)
    things = [
        dataclasses.replace(thing, case=case.name)
        for case in CASES
        for thing in _case(node, case, raster, cube)
    ]
    things += [
        Thing("nothing", {}, OPEN),
        Thing("nobody", {"id": "x"}, OPEN),
        Thing("group", {}, OPEN, owner=OWNER),
        Thing("node", {}, OPEN),
        *_own_things(node),
        *_exchange(node),
    ]
    return MatrixNode(node, things, headers)


def _people(node: Node) -> dict[str, dict[str, str]]:
    people = node.catalog.people
    headers: dict[str, dict[str, str]] = {"public": {}}
    with acting_as(OPERATOR):
        for group in ("hydro", "ice", "basin"):
            people.add_group(group, group.title())
        for name, party in parties().items():
            if party is None or not party.registered or name in ("reader", "sender"):
                continue
            people.add(name, name.title(), issuer="https://id.example", subject=name)
            for role in party.roles:
                people.grant(name, role)
            for group in party.groups:
                people.join(name, group)
            for licence in party.licences:
                people.accept(name, licence)
            headers[name] = _bearer(node, name, tuple(_SCOPES))
        headers["reader"] = _bearer(node, "ann", ("read",))
        headers["sender"] = _bearer(node, "ann", ("submit",))
        gone = people.issue_key("ann", tuple(_SCOPES), 1)
        people.revoke_key(gone.name)
        headers["revoked"] = {"authorization": f"Bearer {gone.reveal()}"}
        ended = people.open_session("ann", -1)
        headers["ended"] = {"cookie": f"ec_session={ended}", "sec-fetch-site": "same-origin"}
    return headers


def _bearer(node: Node, name: str, scopes: tuple[str, ...]) -> dict[str, str]:
    key = node.catalog.people.issue_key(name, scopes, 30)
    return {"authorization": f"Bearer {key.reveal()}"}


def _own_things(node: Node) -> list[Thing]:
    """A key and an upload of one account."""
    with acting_as(OPERATOR):
        (key_name,) = (key.name for key in node.catalog.people.keys("mei"))
    with acting_as(Party("mei", frozenset({"contributor:hydro"}))):
        upload = uploading.begin_upload(node, 10, "zqupload.bin")
    return [
        Thing("key", {"name": key_name}, "account:mei", marks=(key_name,)),
        # Not even an operator looks into an upload.
        Thing(
            "upload",
            {"id": upload.id},
            "account:mei",
            marks=(upload.id, "zqupload"),
            author="mei",
            alone=True,
        ),
    ]


def _ingested(node: Node, root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Publish a raster and a cube through the door; the others are made after them."""
    values = np.linspace(1, 100, 60 * 120, dtype="f4").reshape(60, 120)
    profile = {
        "driver": "GTiff", "height": 60, "width": 120, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "nodata": -1, "transform": from_origin(10, 30, 0.25, 0.25),
    }  # fmt: skip
    with rasterio.open(root / "r.tif", "w", **profile) as out:
        out.write(values, 1)
    cube = xr.Dataset(
        {"v": (("time", "lat", "lon"), np.arange(2 * 18 * 36, dtype="f4").reshape(2, 18, 36))},
        {
            "time": np.array(["2015-11-01", "2015-12-01"], "M8[ns]"),
            "lat": ("lat", np.arange(85.0, -91, -10), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(0.0, 360, 10), {"units": "degrees_east"}),
        },
    )
    cube["v"].attrs = {"units": "degC"}
    cube.to_netcdf(root / "c.nc", engine="h5netcdf")
    for file, unit in (("r.tif", "percent"), ("c.nc", "degC")):
        declared = Declaration(
            item=file[0], collection="base", title=Text("Base", "底"),
            description=Text("Base.", "底。"), period=Period.year(2015), licence="CC0-1.0",
            attribution="nobody", nature="observation",
            variables=(VariableDeclaration("v", unit),),
        )  # fmt: skip
        ingest(root / file, declared, node.catalog, node.store)
    return node.catalog.get("item", "base/r"), node.catalog.get("item", "base/c")


def _case(node: Node, case: Case, raster: dict[str, Any], cube: dict[str, Any]) -> list[Thing]:
    collection, items = _collection(node, case), _items(node, case, raster, cube)
    run, rows = _run(node, case)
    return [
        collection,
        *items,
        *_derived(case, run, rows),
        *_watch(node, case, run, rows),
        _report(node, case, run, rows),
        *_life(node, case),
        _draft(node, case),
    ]


def _collection(node: Node, case: Case) -> Thing:
    name, word = _collection_id(case), case.word("coll")
    body: dict[str, Any] = {
        "type": "Collection", "stac_version": "1.1.0", "id": name, "title": f"About {word}",
        "title_zh": f"关于 {word}", "description": f"All of {word}.", "description_zh": word,
        "license": "CC0-1.0", "links": [], "ec:owner": OWNER, "keywords": [word],
        "extent": {"spatial": {"bbox": [[-10, -10, 60, 60]]},
                   "temporal": {"interval": [["2000-01-01T00:00:00Z", "2024-12-31T00:00:00Z"]]}},
    }  # fmt: skip
    if case.derive is not None:
        body["ec:access"] = {"derive": case.derive}
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", name, body, access=case.find))
    # Where what was computed is released, so is nothing that names the collection.
    return Thing("collection", {"collection": name, "kind": "collection", "name": name},
                 case.collection_label, owner=OWNER, marks=(word,))  # fmt: skip


def _collection_id(case: Case) -> str:
    return case.word("coll")


def _items(node: Node, case: Case, raster: dict[str, Any], cube: dict[str, Any]) -> list[Thing]:
    found = []
    for kind, like in (("ras", raster), ("cub", cube), ("tab", raster)):
        body = _item(node, case, kind, like)
        name = f"{body['collection']}/{body['id']}"
        record = functools.partial(Record, "item", name, access=case.item_find)
        links = (Link("in", "collection", body["collection"]),)
        with node.catalog.transaction() as tx:
            if kind == "ras":
                first = {
                    **body,
                    "properties": {**body["properties"], "title": case.word("old")},
                }
                tx.put(record(first, links=links))
            tx.revise(record(body, links=links))
        found += _item_things(case, kind, body)
    return found


def _item(node: Node, case: Case, kind: str, like: dict[str, Any]) -> dict[str, Any]:
    word = case.word(kind)
    body: dict[str, Any] = json.loads(json.dumps(like))
    west = 13 + case.n / 1000 + 0.0007
    tail = f"{word} data".encode()
    if kind == "tab":
        # A table has no map: its bytes are a text here, since nothing reads them.
        keys = [
            node.store.put_bytes(tail, ".parquet"),
            node.store.put_bytes(tail + b"2", ".csv"),
        ]
        body["assets"]["data"].pop("bands", None)
        body["assets"]["data"]["type"] = "application/vnd.apache.parquet"
    else:
        keys = [_after(node, body, asset, tail) for asset in ("data", "source")]
    for asset, key in zip(("data", "source"), keys, strict=True):
        size = {} if key.endswith(".zarr") else {"file:size": node.store.size(key)}
        body["assets"][asset] |= {
            "href": f"/objects/{key}", "file:checksum": f"1220{key[:64]}", **size,
        }  # fmt: skip
    if case.source != OPEN:
        body["assets"]["source"]["ec:access"] = case.source
    if case.item_fetch != OPEN:
        body["ec:access"] = {"fetch": case.item_fetch}
    box = [west, 20, west + 5, 25]
    body |= {
        "id": word, "collection": _collection_id(case), "bbox": box,
        "geometry": shapely.box(box[0], box[1], box[2], box[3]).__geo_interface__,
    }  # fmt: skip
    body["properties"] |= {
        "title": f"Item {word}", "title_zh": f"条目 {word}", "description": f"Of {word}.",
        "description_zh": f"{word}。", "ec:attribution": f"By {word}", "keywords": [word],
        "ec:licence_name": f"lic-{word}", "ec:regions": [word], "proj:bbox": box,
        "themes": [{"scheme": "s", "concepts": [{"id": word}]}],
        "ec:providers_files": [{"name": f"{word}.bin", "sha256": "b" * 64, "source": word}],
    }  # fmt: skip
    return body


def _after(node: Node, body: dict[str, Any], asset: str, tail: bytes) -> str:
    """Store the bytes of an asset again with a tail, so that their digest is another."""
    key = body["assets"][asset]["href"].rsplit("/", 1)[-1]
    place = node.store.path(key)
    suffix = key[64:]
    if not place.is_dir():
        return node.store.put_bytes(place.read_bytes() + tail, suffix)
    import shutil

    with node.store.stage() as scratch:
        shutil.copytree(place, scratch / "tree")
        head = scratch / "tree" / "zarr.json"
        said = json.loads(head.read_bytes())
        head.write_text(json.dumps(said | {"attributes": {"mark": tail.decode()}}))
        return node.store.put_tree(scratch / "tree", suffix)


def _item_things(case: Case, kind: str, body: dict[str, Any]) -> list[Thing]:
    word, collection = case.word(kind), body["collection"]
    name = f"{collection}/{word}"
    keys = {asset: body["assets"][asset]["href"].rsplit("/", 1)[-1] for asset in body["assets"]}
    marks = (word, f"13.{case.n:03d}7")
    names = {
        "collection": collection, "item": word, "kind": "item", "name": name, "asset": "data",
        "version": "1",
    }  # fmt: skip
    # The matrix asks for one item of each case; the sweep looks for the words of all three.
    sort = "item" if kind == "ras" else "also"
    found = [Thing(sort, names, case.item_label, case.data_label, OWNER, marks)]
    if kind == "ras":
        old = Thing("past", names, case.item_label, owner=OWNER, marks=(case.word("old"),))
        found.append(old)
    if kind != "tab":
        # Digests of inputs are stated wherever a number that rests on them is.
        found.append(Thing("layer", names, case.item_label, case.data_label, OWNER))
    for asset, label in (("data", case.data_label), ("source", case.source_label)):
        key = keys[asset]
        stated = case.derive is not None and kind == "ras" and asset == "data"
        secrets = () if stated else (key[:12],)
        inner = {"key": key, "inner": "zarr.json"}
        where = "part" if key.endswith(".zarr") else "object"
        # An object has no name but its digest: it is found by whoever may fetch it.
        found.append(Thing(where, inner, label, owner=OWNER, marks=secrets))
    return found


def _run(node: Node, case: Case) -> tuple[Run, list[Observation]]:
    from earthcommons.indicators import find_indicator

    indicator = find_indicator(case.indicator)
    name = f"{_collection_id(case)}/{case.word('ras')}"
    item = node.catalog.get("item", name, OPERATOR)
    digest = item["assets"]["data"]["file:checksum"][4:]
    run = Run(
        case.indicator, indicator.version, indicator.settle({}),
        (InputRef(name, "data", digest, f"lic-{case.word('ras')}"),),
        indicator.region_set, "1", "d" * 64, "0",
    )  # fmt: skip
    places = _PLACES if indicator.region_set == "ec:places" else _COUNTRIES
    rows = [
        Observation(
            case.indicator, region, Period.year(2008 + year), indicator.unit, "estimated", run.id,
            float(_number(case)) + n / 4, {"measure": "level"}, interval_reason="made",
        )
        for n, region in enumerate(places)
        for year in range(1 + (len(places) == 1))
    ]  # fmt: skip
    rows.append(
        Observation(
            case.indicator, rows[0].region, Period.year(2001), indicator.unit, "missing", run.id,
            None, {"measure": "level"}, interval_reason="made", reason="made",
        )
    )  # fmt: skip
    shapes = {region: shape for region, (_, _, shape) in places.items()}
    with node.catalog.transaction() as tx:
        done = publish_run(tx, node.store, run, rows, shapes, current=True)
    return done, rows


def _number(case: Case) -> int:
    return 7_031_300 + 40 * case.n


def _said(number: int) -> tuple[str, ...]:
    """The ways a large number is written."""
    head, tail = str(number)[:-3], str(number)[-3:]
    million, thousand = head[0], head[1:]
    return (str(number), *(f"{million}{s}{thousand}{s}{tail}" for s in (",", " ", "\u202f")))


def _derived(case: Case, run: Run, rows: list[Observation]) -> list[Thing]:
    label = case.derived_label
    first = rows[0]
    marks = (run.id, *_said(_number(case)))
    return [
        Thing("run", {"kind": "run", "name": run.id, "version": "1"}, label, marks=(run.id,)),
        Thing("series", {"key": case.indicator}, OPEN),
        Thing(
            "observation",
            {"id": first.id, "run": run.id, "indicator": case.indicator, "region": first.region},
            label, case.data_label, marks=(*marks, *(row.id for row in rows)),
        ),
        Thing("missing", {"id": rows[-1].id}, label, case.data_label),
        *([Thing("map", {"indicator": case.indicator}, label)] if len(rows) > 20 else ()),
    ]  # fmt: skip


def _watch(node: Node, case: Case, run: Run, rows: list[Observation]) -> list[Thing]:
    key, alert = case.word("watch"), f"alert-{case.word('alert')}"
    region = rows[0].region
    watch = {
        "key": key, "version": "1", "title": {"en": key, "zh": key},
        "indicator": case.indicator, "region": region, "detector": "d", "parameters": {},
        "rule": {"en": "Rule.", "zh": "规则。"}, "false_alarms": {"text": "none"},
    }  # fmt: skip
    body = {
        "id": alert, "watch": key, "kind": "record", "severity": "strong",
        "certainty": "observed", "region": region, "start": "2008", "end": None,
        "peak": {"period": "2008", "value": rows[0].value, "unit": rows[0].unit},
        "observations": [rows[0].id], "facts": {"headline": {"en": alert, "zh": alert}},
    }  # fmt: skip
    with node.catalog.transaction() as tx:
        watches = (Link("watches", "series", case.indicator),)
        tx.put(Record("watch", key, watch, links=watches))
        rests = (Link("rests-on", "run", run.id), Link("raised-by", "watch", key))
        tx.put(Record("alert", alert, body, links=rests))
    label = case.derived_label
    return [
        Thing("watch", {"key": key, "kind": "watch", "name": key}, label, marks=(key,)),
        Thing("alert", {"kind": "alert", "name": alert}, label, marks=(alert,)),
    ]


def _report(node: Node, case: Case, run: Run, rows: list[Observation]) -> Thing:
    key, row = case.word("report"), rows[0]
    said = Statement(
        key="first", kind="state", theme="land", slot="s", region=row.region,
        text=Text(f"{key} is {{v}}.", f"{key}为{{v}}。"),
        holes={"v": {"kind": "value", "obs": row.id, "digits": 1}},
        claims=(), evidence=(row.id,), status="checked",
    )  # fmt: skip
    section = {
        "key": "s", "title": {"en": key, "zh": key}, "statements": ["first"], "figures": [],
    }  # fmt: skip
    report = Report(
        key, "1", "country", row.region, Text(f"On {key}", f"关于{key}"), (said,), (section,)
    )
    links = (Link("rests-on", "run", run.id),)
    with node.catalog.transaction() as tx:
        tx.put(Record("report", key, report.as_json(), links=links))
    return Thing("report", {"key": key, "kind": "report", "name": key, "version": "1"},
                 case.derived_label, marks=(key, report.id))  # fmt: skip


def _life(node: Node, case: Case) -> list[Thing]:
    """A correction notice, a recall, a tombstone, and a region set made of the item."""
    collection, item = _collection_id(case), case.word("ras")
    name = f"{collection}/{item}"
    recall = f"rcl-{case.word('rcl')}"
    body = {
        "id": recall, "about": {"kind": "item", "id": name, "state": "corrected", "version": 2},
        "reason": case.word("why"), "made": "2020-01-01T00:00:00Z", "by": "ann", "touched": [],
    }  # fmt: skip
    gone = case.word("gone")
    left = {
        **node.catalog.get("item", name, OPERATOR), "id": gone, "assets": {},
    }  # fmt: skip
    with acting_as(OPERATOR):
        notice = add_erratum(node, "item", name, Text(case.word("err"), "勘误"))
        with node.catalog.transaction() as tx:
            about = (Link("recalls-from", "item", name),)
            tx.put(Record("recall", recall, body, access=case.item_label, links=about))
            there = (Link("in", "collection", collection),)
            tx.put(
                Record("item", f"{collection}/{gone}", left, access=case.item_find, links=there)
            )
        withdraw(node, "item", f"{collection}/{gone}", "error", note=case.word("note"))
    named = {"collection": collection, "item": gone, "kind": "item",
             "name": f"{collection}/{gone}", "version": "1", "asset": "data"}  # fmt: skip
    return [
        Thing("erratum", {"kind": "erratum", "name": notice}, case.item_label,
              marks=(notice, case.word("err"))),
        Thing("recall", {"id": recall}, case.item_label, marks=(recall, case.word("why"))),
        Thing("gone", named, case.item_label, owner=OWNER, marks=(gone, case.word("note")),
              gone=True),
        _regions(node, case, name),
    ]  # fmt: skip


def _regions(node: Node, case: Case, item: str) -> Thing:
    name, word = f"ec:{case.word('set')}", case.word("land")
    body = {
        "id": name, "version": "1", "sha256": "e" * 64, "worldview": "un",
        "item": "regions/ec-places", "disclaimer": {"en": word, "zh": word}, "known_limits": [],
        "regions": [{"id": f"ec:{word}", "names": {"en": word, "zh": word}, "kind": "place",
                     "iso3": None, "groups": [], "members": []}],
    }  # fmt: skip
    links = (Link("drawn-from", "item", item),)
    with node.catalog.transaction() as tx:
        tx.put(Record("region-set", name, body, links=links))
    return Thing("region-set", {"name": name, "set": name}, case.derived_label,
                 marks=(name, word))  # fmt: skip


def _draft(node: Node, case: Case) -> Thing:
    mei = Party("mei", frozenset({"contributor:hydro"}))
    word = case.word("draft")
    with acting_as(mei):
        # A contributor who may not find the collection cannot begin there.
        label = case.collection_label
        where = _collection_id(case) if label == OPEN else case.word("newcoll")
        body = submitting.start_draft(node, where, word, group=OWNER)
        said = {"title": {"en": word, "zh": word}}
        submitting.edit_draft(node, body["id"], said)
        submitting.comment(node, body["id"], case.word("comment"))
    return Thing(
        "draft", {"id": body["id"], "name": "f"}, f"account:mei@{OWNER}", owner=OWNER,
        marks=(body["id"], word, case.word("comment")), author="mei",
    )  # fmt: skip


def _exchange(node: Node) -> list[Thing]:
    found = []
    lamp = Offer(
        id="reg:zqlamp", kinds=("software",), title="Lamp", language="en",
        source={"system": "registry", "id": "lamp"}, link="https://lamp.example/",
        terms=("lamp",),
    )  # fmt: skip
    hidden = dataclasses.replace(lamp, id="reg:zqhidden", title="zqhidden lamp")
    for offer, access in ((lamp, OPEN), (hidden, "steward")):
        with node.catalog.transaction() as tx:
            tx.put(Record("offer", offer.id, offer.as_json(), access=access))
        found.append(Thing("offer", {"id": offer.id}, access, marks=(offer.id,)))
    states: tuple[tuple[Literal["published", "draft"], str], ...]
    states = (("published", OPEN), ("draft", "steward"))
    for state, access in states:
        word = f"zqneed{state}"
        need = Need(
            key=word, title={"en": word, "zh": word}, problem={"en": "P.", "zh": "问"},
            region="m49:900", trigger="stm-x", goals=(7,), terms=("lamp",),
            must=({"key": "licence"},), success={"en": "S.", "zh": "成"}, state=state,
            confirmed_by="A. Person" if state == "published" else "",
        )  # fmt: skip
        with node.catalog.transaction() as tx:
            tx.put(Record("need", need.id, need.as_json(), access=access))
        found.append(Thing("need", {"id": need.id, "kind": "need", "name": need.id}, access,
                           marks=(need.id, word)))  # fmt: skip
    return found
