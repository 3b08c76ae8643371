"""`earthcommons get` against a server that cuts, flips, ignores and refuses."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.cli.conftest import run_cli
from tests.loopback import serving

from earthcommons.cli.getting import _amount as amount
from earthcommons.commons.stories import getting
from earthcommons.commons.stories.getting import Getter
from earthcommons.errors import IntegrityError, InvalidInputError, UpstreamError
from earthcommons.model.canonical import canonical_bytes, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = b"".join(b"%06d\n" % n for n in range(20_000))
TREE = {"c/0/0": b"chunk " * 50, "zarr.json": b'{"zarr_format":3}'}
MANIFEST = canonical_bytes(
    [[path, len(data), digest_of(data)] for path, data in sorted(TREE.items())]
)
FILE, ZARR = f"/objects/{digest_of(DATA)}.tif", f"/objects/{digest_of(MANIFEST)}.zarr"


@dataclass
class Mood:
    """How the server behaves, and what it was asked."""

    cut_after: list[int] = field(default_factory=list)
    flip: int = 0
    ranges: bool = True
    refuse: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    item: dict[str, Any] = field(default_factory=dict)
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""
    problem: bytes = b""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mood: Mood

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        mood, asked = self.mood, self.headers.get("range", "")
        mood.seen.append((self.path, asked, self.headers.get("authorization", "")))
        if mood.refuse and self.path.startswith("/objects"):
            status, headers = mood.refuse.pop(0)
            self._answer(status, mood.problem, headers)
            return
        tree = {f"{ZARR}/{path}": data for path, data in TREE.items()}
        known = {FILE: DATA, ZARR: MANIFEST, "/i?version=2": self._item(), "/i": self._item()}
        body = (known | tree).get(self.path)
        if body is None:
            self._answer(404, b"")
            return
        if self.path == FILE and mood.flip:
            mood.flip -= 1
            body = body[:5000] + bytes([body[5000] ^ 1]) + body[5001:]
        start = int(asked[6:-1]) if asked and mood.ranges else 0
        headers = (
            {"content-range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        )
        self._answer(206 if start else 200, body[start:], headers)

    def _item(self) -> bytes:
        return json.dumps(self.mood.item).encode()

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"content-length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.path == FILE and status in (200, 206) and self.mood.cut_after:
            self.wfile.write(body[: self.mood.cut_after.pop(0)])
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(body)


@pytest.fixture
def mood() -> Iterator[Mood]:
    made = Mood()
    handler = type("Handler", (_Handler,), {"mood": made})
    with serving(handler) as made.url:
        made.item = {
            "type": "Feature", "id": "x", "collection": "c", "properties": {},
            "assets": {
                "data": {"href": made.url + FILE, "file:checksum": "1220" + digest_of(DATA),
                         "file:size": len(DATA)},
            },
        }  # fmt: skip
        yield made


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARTHCOMMONS_KEY", raising=False)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "item.json"
    }


def quick(**more: Any) -> tuple[Getter, list[float]]:
    waits: list[float] = []
    return Getter(pause=waits.append, **more), waits


def test_an_item_comes_with_its_bytes_and_again_without_asking_for_them(
    mood: Mood, tmp_path: Path
) -> None:
    done = run_cli("get", f"{mood.url}/i", "--out", tmp_path)
    assert (done.code, files(tmp_path)) == (0, {"c/x/data.tif": DATA})
    assert f"{len(DATA)} bytes, verified" in done.out
    assert f"asking {mood.url}/i\n" in done.err
    assert "data.tif: 140.0 kB of 140.0 kB, 100 %" in done.err
    assert json.loads((tmp_path / "c/x/item.json").read_text()) == mood.item
    mood.seen.clear()
    assert run_cli("get", f"{mood.url}/i", "--out", tmp_path, "--version", 2).code == 0
    assert [path for path, _, _ in mood.seen] == ["/i?version=2"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_is_cut_goes_on_where_it_was(
    mood: Mood, tmp_path: Path, ranges: bool
) -> None:
    mood.cut_after, mood.ranges = [50_000, 30_000, 1], ranges
    getter, waits = quick()
    getter.get(f"{mood.url}/i", tmp_path)
    assert files(tmp_path) == {"c/x/data.tif": DATA}
    asked = [asked for path, asked, _ in mood.seen if path == FILE]
    assert asked[:2] == ["", "bytes=50000-"]
    assert len(waits) == 3
    if ranges:
        assert asked[2:] == ["bytes=80000-", "bytes=80001-"]


def test_a_later_command_goes_on_with_what_an_earlier_one_had(
    mood: Mood, tmp_path: Path
) -> None:
    mood.cut_after = [40_000] + [0] * 20
    getter, _ = quick()
    with pytest.raises(UpstreamError):
        getter.get(f"{mood.url}/i", tmp_path)
    assert files(tmp_path) == {"c/x/data.tif.part": DATA[:40_000]}
    mood.cut_after, mood.seen = [], []
    getter.get(f"{mood.url}/i", tmp_path)
    assert files(tmp_path) == {"c/x/data.tif": DATA}
    assert [asked for path, asked, _ in mood.seen if path == FILE] == ["bytes=40000-"]


def test_a_flipped_byte_is_asked_for_again_and_twice_is_enough(
    mood: Mood, tmp_path: Path
) -> None:
    mood.flip = 1
    assert run_cli("get", f"{mood.url}/i", "--out", tmp_path / "once").code == 0
    assert files(tmp_path / "once") == {"c/x/data.tif": DATA}
    mood.flip = 9
    done = run_cli("get", f"{mood.url}/i", "--out", tmp_path / "ever")
    assert (done.code, files(tmp_path / "ever")) == (6, {})
    assert digest_of(DATA) in done.err


def test_a_damaged_beginning_kept_from_before_does_not_stay(mood: Mood, tmp_path: Path) -> None:
    folder = tmp_path / "c" / "x"
    folder.mkdir(parents=True)
    (folder / "data.tif.part").write_bytes(b"x" * 40_000)
    (folder / "data.tif").write_bytes(b"another")
    getter, _ = quick()
    getter.get(f"{mood.url}/i", tmp_path)
    assert files(tmp_path) == {"c/x/data.tif": DATA}


def test_who_is_told_to_come_later_does(mood: Mood, tmp_path: Path) -> None:
    mood.refuse = [(503, {"retry-after": "7"}), (429, {"retry-after": "9999"}), (500, {})]
    getter, waits = quick()
    getter.get(f"{mood.url}/i", tmp_path)
    assert waits == [7.0, 60.0, 4.0]
    mood.refuse = [(503, {})] * 20
    with pytest.raises(UpstreamError, match="6 times"):
        getter.get(f"{mood.url}/i", tmp_path / "b")


@pytest.mark.parametrize(("status", "code"), [(404, 3), (410, 3), (401, 5), (403, 5), (302, 7)])
def test_a_refusal_ends_with_its_exit_code(
    mood: Mood, tmp_path: Path, status: int, code: int
) -> None:
    mood.refuse = [(status, {"location": "http://127.0.0.1:1/"})]
    done = run_cli("get", f"{mood.url}/i", "--out", tmp_path)
    assert (done.code, files(tmp_path)) == (code, {})


def test_where_nothing_answers_that_is_said_at_once_in_words_with_the_address(
    tmp_path: Path,
) -> None:
    getter, waits = quick()
    with pytest.raises(
        UpstreamError, match=r"http://127\.0\.0\.1:1: connection refused; check"
    ):
        getter.get("http://127.0.0.1:1/i", tmp_path)
    assert waits == []
    done = run_cli("get", "c/x", "--at", "http://127.0.0.1:1", "--out", tmp_path)
    assert (done.code, files(tmp_path)) == (7, {})
    asking, refused = done.err.splitlines()
    assert asking == "asking http://127.0.0.1:1/stac/collections/c/items/x"
    assert "ConnectError" not in refused


def test_a_node_that_answered_and_goes_away_is_asked_again_and_why_is_said(
    mood: Mood, tmp_path: Path
) -> None:
    told: list[tuple[str, str, float]] = []
    mood.cut_after = [40_000]
    getter, waits = quick(on_wait=lambda *said: told.append(said))
    getter.get(f"{mood.url}/i", tmp_path)
    assert told == [(mood.url.removeprefix("http://"), "the connection broke off", waits[0])]


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        (
            httpx.ConnectError("x"),
            socket.gaierror(-2, "unknown"),
            "no host of that name is known",
        ),
        (httpx.ConnectError("x"), ConnectionRefusedError(111, "x"), "connection refused"),
        (httpx.ConnectTimeout("x"), TimeoutError(), "no connection within 10 s"),
        (httpx.ReadTimeout("x"), TimeoutError(), "it fell silent"),
        (httpx.ReadError("x"), ConnectionResetError(104, "x"), "the connection broke off"),
        (httpx.ConnectError("x"), ssl.SSLError(1, "x"), "it does not speak TLS as asked"),
    ],
)
def test_what_went_wrong_is_said_in_words(
    error: httpx.HTTPError, cause: Exception, words: str
) -> None:
    error.__cause__ = cause
    assert getting._in_words(error) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2_300_000, "2.3 MB"),
     (5_000_000_000, "5.0 GB")],
)  # fmt: skip
def test_an_amount_is_told_in_the_unit_that_fits(count: int, words: str) -> None:
    assert amount(count) == words


@pytest.mark.parametrize(
    "address",
    ["http://example.org/i", "ftp://127.0.0.1/i", "file:///etc/passwd", "https://u:p@example.org/",
     "http://127.0.0.1.example.org/", "https://[::1"],
)  # fmt: skip
def test_an_address_in_the_clear_is_not_asked(address: str, tmp_path: Path) -> None:
    assert run_cli("get", address, "--out", tmp_path).code == 2


def test_the_key_goes_to_the_node_and_nowhere_else(
    mood: Mood, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("ec_secret\n")
    away = mood.url.replace("127.0.0.1", "localhost")
    data = mood.item["assets"]["data"]
    mood.item["assets"] = {"data": data, "far": data | {"href": away + FILE}}
    run_cli("get", f"{mood.url}/i", "--out", tmp_path / "a", "--key-file", tmp_path / "key")
    monkeypatch.setenv("EARTHCOMMONS_KEY", "ec_secret")
    run_cli("get", f"{mood.url}/i", "--out", tmp_path / "b")
    sent = [authorization for _, _, authorization in mood.seen]
    assert sent == ["Bearer ec_secret", "Bearer ec_secret", ""] * 2


def test_an_asset_without_a_digest_is_left_out_and_said(mood: Mood, tmp_path: Path) -> None:
    mood.item["assets"] |= {
        "plain": {"href": mood.url + FILE}, "../up": mood.item["assets"]["data"],
    }  # fmt: skip
    mood.item["ec:withheld"] = {"closed": ["registered"]}
    done = run_cli("get", f"{mood.url}/i", "--out", tmp_path)
    assert files(tmp_path) == {"c/x/data.tif": DATA}
    assert "plain: left out: the item states no SHA-256" in done.out
    assert "closed: left out: registered" in done.out
    mood.item["assets"] = {}
    assert run_cli("get", f"{mood.url}/i", "--out", tmp_path).code == 5


@pytest.mark.parametrize("change", [{"collection": "../c"}, {"id": "a/b"}, {"type": "x"}])
def test_an_item_does_not_choose_where_its_files_go(
    mood: Mood, tmp_path: Path, change: dict[str, Any]
) -> None:
    mood.item |= change
    assert run_cli("get", f"{mood.url}/i", "--out", tmp_path / "o").code == 2
    assert not (tmp_path / "o").exists()


def test_a_zarr_store_comes_by_its_manifest(mood: Mood, tmp_path: Path) -> None:
    stated = {"href": mood.url + ZARR, "file:checksum": "1220" + digest_of(MANIFEST)}
    mood.item["assets"] = {"data": stated}
    getter, _ = quick()
    (got,) = getter.get(f"{mood.url}/i", tmp_path)
    expected = {f"c/x/data.zarr/{path}": data for path, data in TREE.items()}
    assert (files(tmp_path), got.bytes) == (expected, sum(map(len, TREE.values())))
    (tmp_path / "c/x/data.zarr/zarr.json").write_text("edited")
    getter.get(f"{mood.url}/i", tmp_path)
    assert files(tmp_path) == expected
    stated["file:checksum"] = "1220" + "0" * 64
    with pytest.raises(IntegrityError):
        getter.get(f"{mood.url}/i", tmp_path / "other")
    assert files(tmp_path / "other") == {}


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "a/../b", "a\\b", ""])
def test_a_manifest_leads_out_of_no_folder(path: str) -> None:
    with pytest.raises(InvalidInputError):
        getting._inside(path)


def test_bytes_the_node_knows_to_be_damaged_are_not_asked_for_again(
    mood: Mood, tmp_path: Path
) -> None:
    mood.problem = b'{"type":"urn:earthcommons:problem:asset-corrupt","status":502}'
    mood.refuse = [(502, {"content-type": "application/problem+json"})] * 6
    getter, waits = quick()
    with pytest.raises(UpstreamError, match="damaged") as told:
        getter.get(f"{mood.url}/i", tmp_path)
    assert (told.value.code, waits) == ("asset-corrupt", [])
    # Any other 502 is somebody on the way, and is asked again.
    mood.problem = b'{"type":"urn:x"}'
    assert getter.get(f"{mood.url}/i", tmp_path)[0].place is not None
    assert len(waits) == 5
