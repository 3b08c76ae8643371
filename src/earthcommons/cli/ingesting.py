"""`ingest`: from files and folders to published items."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show, table
from earthcommons.errors import CommonsError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from earthcommons.commons.stories.ingesting import Outcome, PlannedItem, Progress

__all__ = ["add_to"]

_CANCELLED = 130


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(ingest)


def ingest(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Files or folders; docs/ingest.md names the formats."),
    ] = None,
    collection: Annotated[str, typer.Option(help="Collection of the items.")] = "",
    declare: Annotated[
        Path | None, typer.Option(help="TOML file that declares the sources.")
    ] = None,
    node: NodeDir = DEFAULT_NODE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of each; publish nothing.")
    ] = False,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="With --dry-run: read all values, not headers alone."),
    ] = False,
    follow: Annotated[
        Path | None, typer.Option(help="Watch a folder and publish what comes to rest in it.")
    ] = None,
    still: Annotated[
        float, typer.Option(help="Seconds a watched file must stand still.")
    ] = 5.0,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End the watch when nothing is left to do.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Publish files as STAC items; docs/ingest.md shows what to declare."""
    from earthcommons.commons.stories.ingesting import plan, take_in
    from earthcommons.commons.stories.ingesting_recipe import read_recipe

    if bool(sources) == bool(follow):
        raise InvalidInputError("give files or folders, or --follow and one folder")
    if whole and not dry_run:
        raise InvalidInputError("--whole goes with --dry-run: publishing always reads all")
    recipe = read_recipe(declare).with_collection(collection)
    at = opened(node)
    with _until_interrupted() as cancelled:
        if follow:
            from earthcommons.commons.stories.ingesting_follow import follow as watch

            watch(
                follow, at, recipe, on_outcome=lambda outcome: _say(outcome, json),
                cancelled=cancelled, still_s=still, until_idle=until_idle,
            )  # fmt: skip
            return
        told = _Told()
        if dry_run:
            planned = plan(
                sources or [], recipe, catalog=at.catalog, on_progress=told, cancelled=cancelled,
                whole=whole,
            )  # fmt: skip
            told.end()
            _show_plan(planned, json, whole=whole)
            return
        outcomes = take_in(at, sources or [], recipe, told, cancelled)
        told.end()
    _show(outcomes, json)


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Yield a question that is answered yes after the first Ctrl-C; the second ends at once."""
    asked: list[int] = []

    def note(number: int, _: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


class _Told:
    """Writes how far the work is to a terminal's error stream, a second after it began."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._written = 0

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._begun < 1 or not sys.stderr.isatty():
            return
        share = 100 * progress.done // max(progress.total, 1)
        text = f"{progress.done}/{progress.total} {share:3d}%  {progress.item[:50]}"
        text += f"  {progress.seconds:.0f} s" if progress.seconds >= 1 else ""
        print("\r" + text.ljust(self._written), end="", file=sys.stderr, flush=True)
        self._written = len(text)

    def end(self) -> None:
        """Clear the line."""
        if self._written:
            print("\r" + " " * self._written + "\r", end="", file=sys.stderr, flush=True)


def _show_plan(planned: Sequence[PlannedItem], json: bool, *, whole: bool) -> None:
    if json:
        read = "whole" if whole else "headers"
        show([{**one.as_json(), "read": read} for one in planned])
        return
    for one in planned:
        print(f"{one.state}  {one.source}")
        if one.code:
            print(f"    {one.message} [{one.code}]")
            continue
        units = ", ".join(f"{name} [{unit or '?'}]" for name, unit in one.variables[:12])
        rows = (
            ("item", f"{one.collection or '?'}/{one.item}"),
            ("format", one.format),
            ("period", one.period or "?"),
            ("variables", units + (" …" if len(one.variables) > 12 else "")),
            ("licence", one.licence or "?"),
            ("guessed", ", ".join(one.guessed)),
            ("missing", ", ".join(one.missing[:12])),
            *(("warning", text) for text in one.warnings[:12]),
        )
        for name, text in rows:
            if text:
                print(f"    {name:<10}{text}")
    ready = sum(one.state == "ready" for one in planned)
    print(f"{ready} of {len(planned)} can be published; nothing was")
    if ready and not whole:
        print("headers read only: a file cut short shows with --whole, which reads all values")


def _say(outcome: Outcome, json: bool) -> None:
    if json:
        show(outcome.as_json())
    elif outcome.state == "refused":
        print(f"refused  {outcome.source}: {outcome.message} [{outcome.code}]", flush=True)
    else:
        print(f"{outcome.state}  {outcome.item}", flush=True)
        _warn(outcome)


def _warn(outcome: Outcome) -> None:
    for text in outcome.warnings[:12]:
        print(f"    warning   {text}", flush=True)


def _show(outcomes: Sequence[Outcome], json: bool) -> None:
    refused = [outcome for outcome in outcomes if outcome.state == "refused"]
    if len(outcomes) == 1 and refused:
        raise _error_of(refused[0])
    if json and len(outcomes) == 1:
        warned = {"warnings": list(outcomes[0].warnings)} if outcomes[0].warnings else {}
        show({"item": outcomes[0].item, "state": outcomes[0].state, **warned})
    elif json:
        show([outcome.as_json() for outcome in outcomes])
    elif len(outcomes) == 1:
        print(f"{outcomes[0].state}  {outcomes[0].item}")
        _warn(outcomes[0])
    else:
        rows = [
            (
                o.state,
                o.item,
                f"{o.message} [{o.code}]"
                if o.state == "refused"
                else "; ".join(o.warnings[:3]),
            )
            for o in outcomes
        ]
        table(("state", "item", ""), rows)
    if any(outcome.state == "cancelled" for outcome in outcomes):
        raise typer.Exit(_CANCELLED)
    if refused:
        raise _error_of(refused[0], f"{len(refused)} of {len(outcomes)} refused; the first: ")


def _error_of(outcome: Outcome, before: str = "") -> CommonsError:
    from earthcommons.errors import ConflictError, NotFoundError

    kinds = {"exists": ConflictError, "conflict": ConflictError, "not-found": NotFoundError}
    kind = kinds.get(outcome.code, InvalidInputError)
    return kind(before + outcome.message, code=outcome.code)
