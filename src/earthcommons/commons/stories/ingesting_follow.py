"""A folder that is watched: what comes to rest in it is published, what is refused is said once."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from earthcommons.commons.stories.ingesting import Outcome, take_in
from earthcommons.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from earthcommons.commons.node import Node
    from earthcommons.commons.stories.ingesting_recipe import Recipe

__all__ = ["REFUSED", "follow"]

REFUSED = ".refused"
_Mark = tuple[int, int]


def follow(
    folder: Path,
    node: Node,
    recipe: Recipe,
    *,
    on_outcome: Callable[[Outcome], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    still_s: float = 5.0,
    poll_s: float = 1.0,
    until_idle: bool = False,
) -> list[Outcome]:
    """Publish every file of a folder once it has come to rest, until cancelled.

    A file is taken when its size and its time of change have stood still for `still_s`. A
    refused one gets a report `.refused/NAME.json` with code and message, and is tried again only
    when it changes; the files themselves stay where they are.

    Args:
        folder: the folder to watch, with the folders inside.
        node: where to publish.
        recipe: what is declared of every file.
        on_outcome: told what became of each file.
        cancelled: asked at every turn; once it says yes, the watch ends.
        still_s: how long a file must stand still.
        poll_s: how often to look.
        until_idle: end once every file there is has been dealt with.

    Returns:
        What became of the files, in order.

    Raises:
        NotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder {folder.name!r}")
    since: dict[Path, tuple[_Mark, float]] = {}
    dealt: dict[Path, _Mark] = {}
    outcomes: list[Outcome] = []
    while not (cancelled and cancelled()):
        now = time.monotonic()
        seen = _marks(folder)
        since = {
            path: since[path] if path in since and since[path][0] == mark else (mark, now)
            for path, mark in seen.items()
        }
        fresh = [path for path, mark in seen.items() if dealt.get(path) != mark]
        rested = [path for path in fresh if now - since[path][1] >= still_s]
        # Scenes are grouped: their files are taken together, once all have come to rest.
        if recipe.scenes and len(rested) < len(fresh):
            rested = []
        for group in [rested] if recipe.scenes and rested else [[path] for path in rested]:
            for outcome in _deal(folder, group, seen, node, recipe, cancelled):
                outcomes.append(outcome)
                if on_outcome:
                    on_outcome(outcome)
            dealt |= {path: seen[path] for path in group}
        if until_idle and not fresh:
            break
        if not rested:
            time.sleep(poll_s)
    return outcomes


def _deal(
    folder: Path,
    group: list[Path],
    seen: dict[Path, _Mark],
    node: Node,
    recipe: Recipe,
    cancelled: Callable[[], bool] | None,
) -> list[Outcome]:
    group = [path for path in group if not _known(folder, path, seen[path])]
    if not group:
        return []
    outcomes = take_in(node, group, recipe, cancelled=cancelled)
    now = _marks(folder)
    if any(o.state == "refused" for o in outcomes) and any(
        now.get(p) != seen[p] for p in group
    ):
        # Somebody still wrote: what was refused was no whole file. The next turn sees it anew.
        outcomes = [outcome for outcome in outcomes if outcome.state != "refused"]
    for outcome in outcomes:
        path = next((p for p in group if p.name == outcome.source), group[0])
        if outcome.state == "refused":
            _report(folder, path, seen[path], outcome)
        else:
            _place(folder, path).unlink(missing_ok=True)
    return outcomes


def _marks(folder: Path) -> dict[Path, _Mark]:
    found: dict[Path, _Mark] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = type(folder)(place, name)
            beside = path.suffix.lower() in (".shx", ".dbf", ".prj", ".cpg", ".part", ".tmp")
            if name.startswith(".") or beside or path.is_symlink():
                continue
            try:
                info = path.stat()
            except FileNotFoundError:
                continue
            found[path] = (info.st_size, info.st_mtime_ns)
    return found


def _place(folder: Path, path: Path) -> Path:
    name = path.relative_to(folder).as_posix().replace("/", "__")
    return folder / REFUSED / f"{name}.json"


def _known(folder: Path, path: Path, mark: _Mark) -> bool:
    place = _place(folder, path)
    if not place.exists():
        return False
    told = json.loads(place.read_text(encoding="utf-8"))
    return [told.get("size"), told.get("changed_ns")] == list(mark)


def _report(folder: Path, path: Path, mark: _Mark, outcome: Outcome) -> None:
    place = _place(folder, path)
    place.parent.mkdir(exist_ok=True)
    told = {"size": mark[0], "changed_ns": mark[1], **outcome.as_json()}
    staged = place.with_suffix(".part")
    staged.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    staged.replace(place)
