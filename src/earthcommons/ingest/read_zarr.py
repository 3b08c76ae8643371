"""Zarr 2 and 3 in, sharded Zarr 3 out. Runs in the jail; see `jail`.

Every metadata document is judged before the library sees it: which codecs, which types, how many
values. Consolidated metadata are left aside: they could say something else.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import InvalidInputError, RefusedFileError
from earthcommons.ingest.cube_out import check_count, finish
from earthcommons.model.canonical import parse_strict

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]

_CODECS_2 = frozenset({"blosc", "zlib", "gzip", "zstd", "lz4", "bz2", "shuffle", "delta",
                       "fixedscaleoffset", "crc32"})  # fmt: skip
_CODECS_3 = frozenset({"bytes", "gzip", "zstd", "blosc", "crc32c", "transpose",
                       "sharding_indexed"})  # fmt: skip
_TYPES_3 = frozenset({"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
                      "uint64", "float16", "float32", "float64"})  # fmt: skip
_JSON_BYTES = 2**20


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.zarr` with the arrays of the store at `task["source"]`.

    Raises:
        RefusedFileError: `codec-forbidden` (codec, filter or type that is not on the list),
            `external-reference` (a store of references), `declared-too-large`, `malformed`, or
            what `cube_out.finish` refuses.
        UnitError: a variable has no unit and none is declared, or both speak and disagree.
    """
    import xarray as xr

    root = folder / task["source"]
    _judge(root, limits)
    if group := task.get("group", "").strip("/"):
        root = _inside(root, group)
    version = 3 if (root / "zarr.json").exists() else 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with xr.open_zarr(
                root, consolidated=False, zarr_format=version, decode_timedelta=False
            ) as dataset:
                if not dataset.data_vars:
                    raise RefusedFileError(
                        'no array in this group: declare group = "…"', code="several-files"
                    )
                return finish(dataset, folder, task, limits)
        except (ValueError, OverflowError, TypeError, KeyError, ImportError) as error:
            if isinstance(error, InvalidInputError):
                raise
            code = "bad-time" if "time" in str(error) else "malformed"
            raise RefusedFileError(f"cannot be decoded: {error}"[:400], code=code) from error


def _inside(root: Path, group: str) -> Path:
    place = (root / group).resolve()
    if not place.is_relative_to(root.resolve()) or not place.is_dir():
        raise RefusedFileError(f"there is no group {group[:80]!r}", code="malformed")
    return place


def _judge(root: Path, limits: Limits) -> None:
    total = count = 0
    for path in sorted(root.rglob("*")):
        if path.name not in (".zarray", "zarr.json", ".zgroup", ".zmetadata", ".zattrs"):
            continue
        count += 1
        if count > limits.objects:
            raise RefusedFileError(f"over {limits.objects} arrays", code="declared-too-large")
        document = parse_strict(_relaxed(path), limit=_JSON_BYTES)
        if not isinstance(document, dict):
            raise RefusedFileError(f"{path.name} is no object", code="malformed")
        if "refs" in document:
            raise RefusedFileError("a store of references", code="external-reference")
        if path.name == ".zarray":
            total += _judge_2(document)
        elif path.name == "zarr.json" and document.get("node_type") == "array":
            total += _judge_3(document)
        check_count(total, limits)
    if not count:
        raise RefusedFileError("a Zarr store without metadata", code="malformed")


def _relaxed(path: Path) -> bytes:
    # Zarr 2 writes a fill value of NaN as the bare word in old files; as a text it means the same.
    data = path.read_bytes()
    if len(data) > _JSON_BYTES:
        raise RefusedFileError("metadata of over 1 MiB", code="declared-too-large")
    return data.replace(b'"fill_value": NaN', b'"fill_value": "NaN"')


def _judge_2(document: dict[str, Any]) -> int:
    used = [document.get("compressor"), *(document.get("filters") or [])]
    for codec in used:
        if codec is not None and (
            not isinstance(codec, dict) or codec.get("id") not in _CODECS_2
        ):
            raise RefusedFileError(
                f"codec {str(codec)[:80]} is not read", code="codec-forbidden"
            )
    dtype = document.get("dtype")
    if not isinstance(dtype, str) or dtype[1:2] not in ("b", "i", "u", "f", "M", "m", "S", "U"):
        raise RefusedFileError(f"type {str(dtype)[:40]} is not read", code="codec-forbidden")
    return _count(document)


def _judge_3(document: dict[str, Any]) -> int:
    _judge_codecs(document.get("codecs"), 0)
    if document.get("data_type") not in _TYPES_3:
        raise RefusedFileError(
            f"type {str(document.get('data_type'))[:40]} is not read", code="codec-forbidden"
        )
    if document.get("storage_transformers"):
        raise RefusedFileError("a storage transformer is not read", code="codec-forbidden")
    return _count(document)


def _judge_codecs(codecs: Any, depth: int) -> None:
    for codec in codecs if isinstance(codecs, list) else [None]:
        named: dict[str, Any] = codec if isinstance(codec, dict) else {"name": codec}
        name = named.get("name")
        if name not in _CODECS_3 or depth > 1:
            raise RefusedFileError(
                f"codec {str(name)[:80]} is not read", code="codec-forbidden"
            )
        if name == "sharding_indexed":
            inner = named.get("configuration") or {}
            _judge_codecs(inner.get("codecs"), depth + 1)
            _judge_codecs(inner.get("index_codecs", []), depth + 1)


def _count(document: dict[str, Any]) -> int:
    shape = document.get("shape")
    whole = isinstance(shape, list) and all(
        isinstance(n, int) and 0 <= n < 2**48 for n in shape
    )
    if not isinstance(shape, list) or not whole or len(shape) > 16:
        raise RefusedFileError("an array without shape", code="malformed")
    grid: dict[str, Any] = document.get("chunk_grid") or {}
    inner = grid.get("configuration") or {}
    chunks = document.get("chunks") or inner.get("chunk_shape") or shape
    if not isinstance(chunks, list) or not all(isinstance(n, int) and n >= 0 for n in chunks):
        raise RefusedFileError("an array without chunks", code="malformed")
    # One chunk is decoded whole, however little of it the array uses.
    return max(int(np.prod(shape, dtype=object)) if shape else 1, math.prod(chunks))
