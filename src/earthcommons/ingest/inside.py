"""What happens in the child: walls first, then one reader on one foreign file, then an answer.

Runs in the jail; see `jail`.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError
from earthcommons.ingest.causes import cause_in_words
from earthcommons.ingest.walls import close_off

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from earthcommons.ingest.limits import Limits

__all__ = ["ANSWER", "SEEN", "work"]

SEEN, ANSWER = "seen.json", "answer.json"
_SOURCE = "source"


def work(
    reader: str, scratch: str, task: dict[str, Any], limits: Limits, door: Connection | None
) -> None:
    """Read `scratch/source` and leave what the reader says as `answer.json`.

    With a door, look first and leave `seen.json`; then wait there until the file may be taken.
    """
    folder = Path(scratch).resolve()
    # Opened before the walls stand, which allow no file to be written outside.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    walls = close_off(folder, limits)
    # What a file makes its reader say would stand in the node's log, and could fill or empty it.
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    if door is not None:
        seen = _answer_of(reader, folder, {**task, "look": True}, limits, walls)
        _write_answer(folder / SEEN, seen)
        if "refused" in seen:
            return
        os.write(door.fileno(), b"s")
        # Closed without a word where nobody wants the file, or nobody is left.
        if not os.read(door.fileno(), 1):
            return
        _tidy(folder)
    answer = _answer_of(reader, folder, task, limits, walls)
    _write_answer(folder / ANSWER, answer)


def _answer_of(
    reader: str, folder: Path, task: dict[str, Any], limits: Limits, walls: dict[str, bool]
) -> dict[str, Any]:
    try:
        if reader == "walls":
            return dict(walls)
        module = importlib.import_module(f"earthcommons.ingest.read_{reader}")
        answer: dict[str, Any] = module.convert(folder, task, limits)
    except InvalidInputError as error:
        message = str(error).replace(str(folder), "")[:2000]
        return {"refused": {"code": error.code, "message": message}}
    except MemoryError:
        message = f"reading needs more than {limits.memory_bytes} bytes of memory"
        return {"refused": {"code": "declared-too-large", "message": message}}
    except Exception as error:
        said = f"{type(error).__name__}: {cause_in_words(error)}"
        detail = said.replace(str(folder), "")[:300]
        return {"refused": {"code": "malformed", "message": f"cannot be read: {detail}"}}
    return answer


def _write_answer(place: Path, answer: dict[str, Any]) -> None:
    place.write_text(json.dumps(answer, allow_nan=False))


def _tidy(folder: Path) -> None:
    """Leave what a look unpacked behind, on disk and in memory: the file is taken from anew."""
    for place in folder.iterdir():
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif place.name != _SOURCE:
            place.unlink()
    gc.collect()
