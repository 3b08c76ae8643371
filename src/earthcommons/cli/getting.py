"""`earthcommons get`: an item and its bytes from a node, resumed and verified."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from earthcommons.cli.common import AsJson, show
from earthcommons.errors import InvalidInputError

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("get")(get)


def get(
    item: Annotated[str, typer.Argument(help="STAC address of an item, or collection/item.")],
    at: Annotated[
        str, typer.Option("--at", help="Address of the node of a collection/item.")
    ] = "http://127.0.0.1:8000",
    out: Annotated[Path, typer.Option(help="Folder to put it in.")] = Path(),
    key_file: Annotated[
        Path | None,
        typer.Option(help="File with a key; else EARTHCOMMONS_KEY of the environment."),
    ] = None,
    version: Annotated[int, typer.Option(help="Which version; 0 for the present one.")] = 0,
    json: AsJson = False,
) -> None:
    """Get an item's record and bytes; what broke off goes on, what is not right is not kept."""
    from earthcommons.commons.stories.getting import Getter

    address = item
    if "://" not in item:
        collection, _, name = item.partition("/")
        if not name:
            raise InvalidInputError(
                f"{item[:60]!r}: write collection/item, or an item's address"
            )
        address = f"{at.rstrip('/')}/stac/collections/{collection}/items/{name}"
    told = _Told()
    getter = Getter(_key(key_file), on_progress=told, on_wait=told.wait)
    print(f"asking {address}", file=sys.stderr, flush=True)
    found = getter.get(address, out, version=version)
    told.end()
    if json:
        rows = ((each.asset, each.place, each.bytes, each.why) for each in found)
        names = ("asset", "place", "bytes", "why")
        show([dict(zip(names, (a, str(p or ""), b, w), strict=True)) for a, p, b, w in rows])
        return
    for each in found:
        if each.place is None:
            print(f"{each.asset}: left out: {each.why}")
        else:
            print(f"{each.place}: {each.bytes} bytes, verified")


class _Told:
    """Prints how far a file is, one line each, to where messages go."""

    def __init__(self) -> None:
        self._name = ""
        self._tenth = -1
        self._live = sys.stderr.isatty()

    def __call__(self, name: str, here: int, total: int) -> None:
        tenth = 10 * here // total if total else here // 2**24
        if name == self._name and tenth == self._tenth:
            return
        if name != self._name:
            self.end()
        self._name, self._tenth = name, tenth
        share = f" of {_amount(total)}, {100 * here // total} %" if total else ""
        # What is rewritten may have been longer.
        end = "   \r" if self._live else "\n"
        print(f"{name}: {_amount(here)}{share}", end=end, file=sys.stderr, flush=True)

    def wait(self, host: str, why: str, seconds: float) -> None:
        """Say why nothing comes for a while."""
        self.end()
        print(f"{host}: {why}; asking again in {seconds:g} s", file=sys.stderr, flush=True)

    def end(self) -> None:
        """End the line that is being rewritten."""
        if self._live and self._name:
            print(file=sys.stderr)
        self._name = ""


def _amount(count: int) -> str:
    """Return a number of bytes in the unit that fits it."""
    for least, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= least:
            return f"{count / least:.1f} {unit}"
    return f"{count} bytes"


def _key(file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no text"
            raise InvalidInputError(f"key file {file.name!r}: {why}") from error
    # The one secret of the command line; a flag would stand in the list of processes.
    return os.environ.get("EARTHCOMMONS_KEY", "").strip()
