"""Get items and their bytes from a node: resumed where they broke off, verified before they count.

A file has its final name only when its SHA-256 is the one the item states; until then it is called
`….part`. The key of an account is sent to the node alone, never to another host.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

import httpx

from earthcommons.errors import (
    AccessDeniedError,
    CommonsError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    UpstreamError,
)
from earthcommons.model.canonical import canonical_bytes, digest_of, parse_strict
from earthcommons.store import file_digest, storing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Getter", "Got", "GotItem", "is_collection"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SHA256 = re.compile(r"1220([0-9a-f]{64})")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
_COLLECTION = re.compile(r"/collections/[^/]+/?$")
_PART_OF_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")
_MOST_JSON = 64 * 2**20
_TRIES = 6
_LONGEST_PAUSE_S = 60.0
_CONNECT_S = 10.0
_MOST_PROBLEM = 64 * 2**10
_PAGE = 200
_LATER = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Got:
    """What became of one asset.

    Attributes:
        place: where it is; None where it was left out.
        why: why it was left out.
    """

    asset: str
    place: Path | None
    bytes: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class GotItem:
    """What became of one item of a collection: its assets, or why it was refused."""

    item: str
    assets: tuple[Got, ...] = ()
    refused: CommonsError | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file to get: where it is, the node it may be asked of with a key, what it must be.

    Attributes:
        total: bytes it has in all; 0 when not known.
    """

    address: str
    origin: str
    digest: str
    total: int


@dataclass
class Getter:
    """Gets items of one node after another.

    Attributes:
        key: key of an account on the node; empty asks as everybody.
        on_progress: called with file, bytes here and bytes in all (0 when not known).
        pause: waits some seconds; replaced in tests.
        timeout_s: longest silence of the other side.
        on_wait: called with host, what went wrong and seconds before it is asked again.
    """

    key: str = field(default="", repr=False)
    on_progress: Callable[[str, int, int], None] = lambda *_: None
    pause: Callable[[float], None] = time.sleep
    timeout_s: float = 30.0
    on_wait: Callable[[str, str, float], None] = lambda *_: None
    _answered: set[str] = field(default_factory=set, init=False, repr=False)

    def get(self, address: str, out: Path, *, version: int = 0) -> list[Got]:
        """Get an item's record and the assets it states a SHA-256 of, into `out/collection/item`.

        Args:
            address: STAC address of the item, https, or http on loopback.
            out: folder.
            version: which version; 0 for the present one.

        Raises:
            InvalidInputError: not such an address, or no item there.
            NotFoundError: no such item, for this asker.
            AccessDeniedError: the node lets this asker have no bytes of it, or not this one.
            IntegrityError: bytes came twice that are not those promised.
            UpstreamError: nothing answers there, or it broke off again and again; or the disk
                is full (`storage`).
        """
        origin = _origin(address)
        # What is here stays as `.part` when the disk is full, and is gone on from later.
        with storing(), self._client() as web:
            return self._whole(web, address, origin, out, version=version)

    def get_all(self, address: str, out: Path) -> Iterator[GotItem]:
        """Get a collection's record and all its items one may read, each as `get` does.

        Items come in the order the node lists them, one at a time. A refusal of one ends nothing;
        what the next would meet as well (nothing answers, a full disk) ends all.

        Args:
            address: STAC address of the collection, https, or http on loopback.
            out: folder.

        Yields:
            Each item with its assets, or with why it was refused.

        Raises:
            InvalidInputError: not such an address, or no collection there.
            NotFoundError: no such collection, for this asker.
            UpstreamError: nothing answers there, or it broke off again and again; or the disk
                is full (`storage`).
        """
        origin, address = _origin(address), address.rstrip("/")
        with storing(), self._client() as web:
            body = parse_strict(self._small(web, address, origin), limit=_MOST_JSON)
            name = body.get("id") if isinstance(body, dict) else None
            if not _SAFE.fullmatch(str(name)) or body.get("type") != "Collection":
                raise InvalidInputError(f"{address[:200]} is no STAC collection")
            _write_json(out / str(name) / "collection.json", body)
            for id_ in self._listed(web, f"{address}/items", origin):
                at, item = f"{address}/items/{quote(id_, safe='')}", f"{name}/{id_}"
                try:
                    found = self._whole(web, at, origin, out, expected=item)
                except UpstreamError as error:
                    if error.code != "asset-corrupt":
                        raise
                    yield GotItem(item, refused=error)
                except CommonsError as error:
                    yield GotItem(item, refused=error)
                else:
                    yield GotItem(item, tuple(found))

    def _listed(self, web: httpx.Client, address: str, origin: str) -> Iterator[str]:
        """Yield the ids of all items, page by page."""
        asked = f"{address}?limit={_PAGE}&fields=id,collection"
        while asked:
            page = parse_strict(self._small(web, asked, origin), limit=_MOST_JSON)
            try:
                yield from [str(feature["id"]) for feature in page["features"]]
                links = {link["rel"]: str(link["href"]) for link in page.get("links", ())}
            except (TypeError, KeyError, AttributeError) as error:
                raise InvalidInputError(f"{asked[:200]} is no page of items") from error
            further = urljoin(asked, links["next"]) if "next" in links else ""
            if further and (_origin(further) != origin or further == asked):
                raise InvalidInputError(
                    f"{asked[:200]}: the next page is elsewhere", code="source-forbidden"
                )
            asked = further

    def _client(self) -> httpx.Client:
        return httpx.Client(
            timeout=httpx.Timeout(self.timeout_s, connect=min(self.timeout_s, _CONNECT_S)),
            follow_redirects=False,
            trust_env=False,
        )

    def _whole(
        self, web: httpx.Client, address: str, origin: str, out: Path, *, version: int = 0,
        expected: str = "",
    ) -> list[Got]:  # fmt: skip
        """Bring one item; where a name is expected, of that name only."""
        item = self._item(web, address, origin, version)
        if expected and f"{item['collection']}/{item['id']}" != expected:
            raise InvalidInputError(f"{address[:200]} is not item {expected}")
        folder = out / item["collection"] / item["id"]
        folder.mkdir(parents=True, exist_ok=True)
        withheld = item.get("ec:withheld", {})
        if withheld and not item["assets"]:
            asks = ", ".join(sorted({c for each in withheld.values() for c in each}))
            raise AccessDeniedError(f"{item['id']}: its bytes ask for {asks}")
        found = [
            self._asset(web, address, origin, name, asset, folder)
            for name, asset in sorted(item["assets"].items())
        ]
        found += [Got(name, None, why=", ".join(asks)) for name, asks in withheld.items()]
        _write_json(folder / "item.json", item)
        return found

    def _item(
        self, web: httpx.Client, address: str, origin: str, version: int
    ) -> dict[str, Any]:
        asked = f"{address}?version={version}" if version else address
        item = parse_strict(self._small(web, asked, origin), limit=_MOST_JSON)
        names = ("collection", "id")
        if (
            not isinstance(item, dict)
            or item.get("type") != "Feature"
            or not isinstance(item.get("assets"), dict)
            or not all(_SAFE.fullmatch(str(item.get(name))) for name in names)
        ):
            raise InvalidInputError(f"{address[:200]} is no STAC item")
        return item

    def _asset(
        self, web: httpx.Client, base: str, origin: str, name: str, asset: Any, folder: Path
    ) -> Got:
        stated = asset if isinstance(asset, dict) else {}
        digest = _SHA256.fullmatch(str(stated.get("file:checksum", "")))
        if digest is None or not _SAFE.fullmatch(name):
            return Got(name, None, why="the item states no SHA-256 of it")
        address = urljoin(base, str(stated.get("href", "")))
        _origin(address)
        suffix = PurePosixPath(urlsplit(address).path).suffix
        plain = suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,12}", suffix) else ""
        target = folder / f"{name}{plain}"
        if plain == ".zarr":
            return self._tree(web, address, origin, name, digest[1], target)
        size = stated.get("file:size")
        total = size if type(size) is int else 0
        self._file(web, _Wanted(address, origin, digest[1], total), target)
        return Got(name, target, target.stat().st_size)

    def _tree(
        self, web: httpx.Client, address: str, origin: str, name: str, digest: str, target: Path
    ) -> Got:
        """Get a Zarr store by its manifest, whose digest is the store's own."""
        manifest = self._small(web, address, origin)
        if (found := digest_of(manifest)) != digest:
            raise IntegrityError(f"{name}: manifest", expected=digest, found=found)
        files = parse_strict(manifest, limit=_MOST_JSON)
        fresh = target.with_name(f"{target.name}.part")
        if _is_whole_tree(target, files):
            return Got(name, target, sum(size for _, size, _ in files))
        for path, size, sha256 in files:
            place = fresh / _inside(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            self._file(web, _Wanted(f"{address}/{path}", origin, sha256, size), place)
        # A part begun for another version may have left files that are not of this one.
        kept = {fresh / _inside(path) for path, _, _ in files}
        for place in fresh.rglob("*"):
            if place.is_file() and place not in kept:
                place.unlink()
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
        return Got(name, target, sum(size for _, size, _ in files))

    def _file(self, web: httpx.Client, wanted: _Wanted, target: Path) -> None:
        if target.is_file() and file_digest(target) == wanted.digest:
            self.on_progress(target.name, target.stat().st_size, wanted.total)
            return
        part = target.with_name(f"{target.name}.part")
        found = ""
        # Bytes that come wrong once are asked for again from the first on; twice is enough.
        for _ in range(2):
            self._carried(web, wanted, part)
            found = file_digest(part)
            if found == wanted.digest:
                part.replace(target)
                return
            part.unlink()
        raise IntegrityError(target.name, expected=wanted.digest, found=found)

    def _carried(self, web: httpx.Client, wanted: _Wanted, part: Path) -> None:
        """Bring all bytes of a file into `part`, going on where an earlier try ended."""
        failed = 0
        while True:
            before = part.stat().st_size if part.exists() else 0
            try:
                if self._some(web, wanted, part):
                    return
                said: str | float = "the connection ended early"
            except httpx.HTTPError as error:
                said = self._failed(error, wanted.address)
            except _LaterError as error:
                said = error.seconds
            here = part.stat().st_size if part.exists() else 0
            failed = 0 if here > before else failed + 1
            self._wait(wanted.address, failed, said)

    def _some(self, web: httpx.Client, wanted: _Wanted, part: Path) -> bool:
        """Bring further bytes; return whether the answer came to its end."""
        here = part.stat().st_size if part.exists() else 0
        headers = self._headers(wanted.address, wanted.origin)
        if here:
            headers |= {"range": f"bytes={here}-", "if-range": f'"{wanted.digest}"'}
        with web.stream("GET", wanted.address, headers=headers) as answer:
            self._answered.add(_origin(wanted.address))
            if here and answer.status_code == 416:
                # All of it is here, or more than there is: the digest will say.
                if here == wanted.total:
                    return True
                part.unlink()
                return False
            _check(answer, wanted.address)
            went_on = _PART_OF_RANGE.match(answer.headers.get("content-range", ""))
            goes_on = (
                answer.status_code == 206 and went_on is not None and int(went_on[1]) == here
            )
            if answer.status_code == 206 and not goes_on:
                part.unlink(missing_ok=True)
                return False
            with part.open("ab" if goes_on else "wb") as file:
                # As it comes: what is gathered first is lost when the line breaks.
                for block in answer.iter_raw():
                    file.write(block)
                    self.on_progress(part.name.removesuffix(".part"), file.tell(), wanted.total)
        return wanted.total == 0 or part.stat().st_size >= wanted.total

    def _small(self, web: httpx.Client, address: str, origin: str) -> bytes:
        failed = 0
        while True:
            try:
                with web.stream(
                    "GET", address, headers=self._headers(address, origin)
                ) as answer:
                    self._answered.add(_origin(address))
                    _check(answer, address)
                    return _bounded(answer, address)
            except httpx.HTTPError as error:
                said: str | float = self._failed(error, address)
            except _LaterError as error:
                said = error.seconds
            failed += 1
            self._wait(address, failed, said)

    def _failed(self, error: httpx.HTTPError, address: str) -> str:
        """Return in words why nothing came; where nothing ever answered, asking again is no use.

        Raises:
            UpstreamError: nothing answers at that address.
        """
        words = _in_words(error)
        never = _origin(address) not in self._answered
        if never and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            parts = urlsplit(address)
            raise UpstreamError(
                f"nothing answers at {parts.scheme}://{parts.netloc}: {words}; check the"
                " address, and that the node is served there"
            ) from error
        return words

    def _wait(self, address: str, failed: int, said: str | float) -> None:
        why = said if isinstance(said, str) else "it says: later"
        if failed >= _TRIES:
            raise UpstreamError(f"{urlsplit(address).netloc} was asked {_TRIES} times: {why}")
        stated = said if isinstance(said, float) else 0.0
        seconds = min(_LONGEST_PAUSE_S, max(stated, 0.5 * 2**failed))
        self.on_wait(urlsplit(address).netloc, why, seconds)
        self.pause(seconds)

    def _headers(self, address: str, origin: str) -> dict[str, str]:
        headers = {"accept-encoding": "identity"}
        if self.key and _origin(address) == origin:
            headers["authorization"] = f"Bearer {self.key}"
        return headers


def is_collection(address: str) -> bool:
    """Whether a STAC address is that of a collection."""
    return bool(_COLLECTION.search(address.partition("?")[0]))


def _write_json(target: Path, body: Any) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.part")
    fresh.write_bytes(canonical_bytes(body))
    fresh.replace(target)


class _LaterError(Exception):
    """The other side asks to come again after some seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


def _in_words(error: httpx.HTTPError) -> str:
    """Return why a request failed, for a person."""
    first: BaseException = error
    while before := first.__cause__ or first.__context__:
        first = before
    match error, first:
        case (httpx.ConnectTimeout(), _):
            return f"no connection within {_CONNECT_S:g} s"
        case (httpx.TimeoutException(), _):
            return "it fell silent"
        case (_, socket.gaierror()):
            return "no host of that name is known"
        case (_, ssl.SSLCertVerificationError()):
            return f"its certificate is not trusted ({first.verify_message})"
        case (_, ssl.SSLError()):
            return "it does not speak TLS as asked"
        case (httpx.ConnectError(), OSError()) if first.errno:
            return os.strerror(first.errno).lower()
        case (httpx.NetworkError() | httpx.RemoteProtocolError(), _):
            return "the connection broke off"
        case _:
            return str(error) or type(error).__name__


def _origin(address: str) -> str:
    """Return scheme, host and port of an address that may be asked.

    Raises:
        InvalidInputError: not https, nor http on loopback; or with a password in it.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise InvalidInputError(f"{address[:120]!r} is no address") from error
    loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if (parts.scheme != "https" and not loopback) or not parts.hostname or "@" in parts.netloc:
        raise InvalidInputError(
            f"{address[:120]!r}: need https://…, or http:// on this machine",
            code="source-forbidden",
        )
    return (
        f"{parts.scheme}://{parts.hostname}:{port or (443 if parts.scheme == 'https' else 80)}"
    )


def _check(answer: httpx.Response, address: str) -> None:
    status, path = answer.status_code, urlsplit(address).path[:200]
    if status in (200, 206):
        return
    if status == 502 and _says_damaged(answer):
        raise UpstreamError(
            f"{path}: the node holds it damaged and gives it to nobody; tell its operators",
            code="asset-corrupt",
        )
    if status in _LATER:
        stated = answer.headers.get("retry-after", "")
        raise _LaterError(float(stated) if stated.isdecimal() else 0.0)
    if status in (404, 410):
        gone = " any more" if status == 410 else ""
        raise NotFoundError(f"nothing is at {path}{gone}, for this asker")
    if status in (401, 403):
        raise AccessDeniedError(f"{path}: answered {status}; is the key right?")
    raise UpstreamError(f"{path}: answered {status}")


def _says_damaged(answer: httpx.Response) -> bool:
    """Whether a refusal names the stored bytes: asking again would not mend them."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return False
    said = b""
    for block in answer.iter_bytes():
        said += block
        if len(said) > _MOST_PROBLEM:
            return False
    try:
        problem = parse_strict(said)
    except InvalidInputError:
        return False
    return isinstance(problem, dict) and str(problem.get("type")).endswith(":asset-corrupt")


def _bounded(answer: httpx.Response, address: str) -> bytes:
    data = bytearray()
    for block in answer.iter_bytes():
        data += block
        if len(data) > _MOST_JSON:
            raise UpstreamError(f"{urlsplit(address).path[:200]}: over {_MOST_JSON} bytes")
    return bytes(data)


def _inside(path: Any) -> Path:
    parts = str(path).split("/")
    if not all(
        re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", p) and p not in (".", "..") for p in parts
    ):
        raise InvalidInputError(f"{str(path)[:80]!r} leaves its folder", code="unsafe-path")
    return Path(*parts)


def _is_whole_tree(target: Path, files: Any) -> bool:
    places = {target / _inside(path): sha256 for path, _, sha256 in files}
    here = {p for p in target.rglob("*") if p.is_file()} if target.is_dir() else set()
    return here == set(places) and all(file_digest(p) == d for p, d in places.items())
