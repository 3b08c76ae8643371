"""One way to write JSON (RFC 8785), one strict way to read it, names made from its digest."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import accumulate
from typing import Any, NoReturn

import orjson
import rfc8785

from earthcommons.errors import InvalidInputError

__all__ = [
    "canonical_bytes",
    "canonical_parsed",
    "digest_of",
    "parse_canonical",
    "parse_strict",
    "short_id",
]

MAX_DEPTH = 64
MAX_BYTES = 64 * 2**20

# Numbers that orjson writes otherwise than RFC 8785: whole floats, and some with an exponent. Met
# inside a text they only cost time: the full algorithm gives the same bytes.
_WHOLE = re.compile(rb"\.0(?:[,}\]]|$)")
# Looked for by its sign, which is rarer than the letter; that of a large number is rarer still.
_SMALL = re.compile(rb"-(?<=\de-)\d")
# Where so many digits stand, there may be a whole number that RFC 8785 wrote for a float.
_LONG = re.compile(rb"\d{16}")

# Whole numbers of fewer digits fit into 64 bits.
_AS_ZEROS, _MAY_EXCEED = bytes.maketrans(b"123456789", b"000000000"), b"0" * 19
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_STEPS = bytes(set(range(256)) - set(_STEPS))


def canonical_bytes(value: Any) -> bytes:
    """Return the RFC 8785 form of a JSON value.

    Raises:
        InvalidInputError: NaN, infinity, integers beyond 2^53 or lone surrogates inside, or nested
            some hundred levels deep.
    """
    try:
        return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)
    except (_UnusualError, TypeError, RecursionError):
        pass
    try:
        return rfc8785.dumps(value)
    except RecursionError as error:
        raise InvalidInputError("JSON nested too deeply", code="bad-json") from error
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise InvalidInputError(f"not canonical JSON: {error}", code="bad-json") from error


def canonical_parsed(value: Any) -> bytes:
    """Return the RFC 8785 form of a value that a JSON parser made, so holds no NaN or infinity.

    Raises:
        InvalidInputError: integers beyond 2^53 or lone surrogates inside.
    """
    try:
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except TypeError:
        return canonical_bytes(value)
    # Keys beyond ASCII sort differently.
    unusual = not data.isascii() or b"+" in data or _WHOLE.search(data) or _SMALL.search(data)
    return canonical_bytes(value) if unusual else data


class _UnusualError(Exception):
    """The value holds something that only the full algorithm writes right."""


def _plain(value: Any) -> Any:
    """Return a value that orjson writes as RFC 8785 asks, or say that it holds something unusual.

    The two differ in whole floats, very small and very large numbers, and keys beyond ASCII
    (orjson sorts by UTF-8, RFC 8785 by UTF-16).
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is dict:
        if not all(type(key) is str and key.isascii() for key in value):
            raise _UnusualError
        return {key: _plain(inner) for key, inner in value.items()}
    if kind is list or kind is tuple:
        return [_plain(inner) for inner in value]
    if kind is int and abs(value) < 2**53:
        return value
    if kind is float:
        size = abs(value)
        if size < 1e15 and value.is_integer():
            return int(value)
        if 1e-4 <= size < 1e15:
            return value
    raise _UnusualError


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of the bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def short_id(prefix: str, value: Any) -> str:
    """Return `prefix-` and 26 base32 characters (130 bits) of the digest of canonical JSON."""
    raw = hashlib.sha256(canonical_bytes(value)).digest()
    return f"{prefix}-{base64.b32encode(raw).decode().lower()[:26]}"


def parse_strict(data: bytes | str, *, limit: int = MAX_BYTES, depth: int = MAX_DEPTH) -> Any:
    """Return the JSON value in `data`, refusing what two parsers could read differently.

    Args:
        data: UTF-8 JSON without a byte-order mark.
        limit: most bytes accepted.
        depth: most levels of lists and objects accepted.

    Raises:
        InvalidInputError: duplicate keys, NaN, infinity, overflowing numbers, integers beyond
            2^53, nesting over `depth`, lone surrogates, another encoding, or too long.

    Source:
        RFC 8259 sections 4, 6 and 8; RFC 8785 section 3.1.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > limit:
        raise InvalidInputError(f"JSON of {len(raw)} bytes, limit {limit}", code="bad-json")
    try:
        _check_depth(raw, depth)
        whole = _parsed_whole(raw)
        return whole[0] if whole else _scanned(raw.decode("utf-8"))
    except (UnicodeDecodeError, RecursionError, json.JSONDecodeError) as error:
        raise InvalidInputError(f"not JSON: {error}", code="bad-json") from error


def parse_canonical(data: bytes) -> Any:
    """Return the value of canonical bytes written here, so that it gives the same bytes again.

    RFC 8785 writes 1e18 as a one and eighteen zeros: that is the float it was, and no integer.
    """
    return json.loads(data, parse_int=_safe_int) if _LONG.search(data) else orjson.loads(data)


def _parsed_whole(raw: bytes) -> tuple[Any] | None:
    """Return the value that the fastest parser gives, or None where it may have lost something.

    It refuses what RFC 8259 does, lone surrogates and numbers that overflow. It does take the last
    of two equal keys: then the value holds fewer texts than stood there. And it makes floats of
    whole numbers beyond 64 bits.
    """
    try:
        value = orjson.loads(raw)
        again = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    if again == raw:
        return (value,)
    lost = _quotes(again) != _quotes(raw) or _MAY_EXCEED in raw.translate(_AS_ZEROS)
    return None if lost else (value,)


def _quotes(raw: bytes) -> int:
    """Return how many quotes begin or end a text."""
    quotes = raw.count(b'"')
    if b"\\" in raw:
        quotes -= raw.replace(b"\\\\", b"").count(b'\\"')
    return quotes


def _scanned(text: str) -> Any:
    value = json.loads(
        text,
        object_pairs_hook=_unique,
        parse_constant=_no_constant,
        parse_float=_finite,
        parse_int=_safe_int,
    )
    _check_surrogates(text, value)
    return value


def _check_depth(raw: bytes, most: int) -> None:
    if raw.count(b"[") + raw.count(b"{") <= most:
        return
    # What stands between quotes is left out; where none is escaped, every second part does.
    bare = raw.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in raw else raw
    brackets = b"".join(bare.split(b'"')[::2]).translate(None, _NO_STEPS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > most:
        raise InvalidInputError(f"JSON nested over {most}", code="bad-json")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        met: set[str] = set()
        for key, _ in pairs:
            if key in met:
                raise InvalidInputError(f"JSON key {key[:80]!r} stands twice", code="bad-json")
            met.add(key)
    return value


def _no_constant(name: str) -> NoReturn:
    raise InvalidInputError(f"JSON holds {name}, which is no JSON number", code="bad-json")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise InvalidInputError(f"JSON number {text[:40]} overflows", code="bad-json")
    return value


def _safe_int(text: str) -> int | float:
    if len(text) <= 22:
        number = int(text)
        if abs(number) <= 2**53 - 1:
            return number
        # RFC 8785 writes a double up to 1e21 without point or exponent; only that text is one.
        if rfc8785.dumps(float(text)).decode() == text:
            return float(text)
    raise InvalidInputError(f"JSON integer {text[:40]} exceeds 2^53", code="bad-json")


def _check_surrogates(text: str, value: Any) -> None:
    if "\\ud" not in text and "\\uD" not in text:
        return
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInputError("JSON holds a lone surrogate", code="bad-json") from error
