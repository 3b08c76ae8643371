"""`earthcommons get`: an item or a collection with its bytes from a node, resumed and verified."""

from __future__ import annotations

import os
import sys
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earthcommons.cli.common import AsJson, show
from earthcommons.cli.errors import exit_code
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from earthcommons.commons.stories.getting import Got, GotItem

__all__ = ["add_to"]

# So many refused items are named at the end; of more, only how many.
_MOST_NAMED = 1000


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("get")(get)


def get(
    item: Annotated[
        str,
        typer.Argument(
            help="STAC address of an item or a collection, or collection/item, or a collection."
        ),
    ],
    at: Annotated[
        str, typer.Option("--at", help="Address of the node where no address is given.")
    ] = "http://127.0.0.1:8000",
    out: Annotated[Path, typer.Option(help="Folder to put it in.")] = Path(),
    key_file: Annotated[
        Path | None,
        typer.Option(help="File with a key; else EARTHCOMMONS_KEY of the environment."),
    ] = None,
    version: Annotated[int, typer.Option(help="Which version; 0 for the present one.")] = 0,
    json: AsJson = False,
) -> None:
    """Get records and bytes; what broke off goes on, what is not right is not kept."""
    from earthcommons.commons.stories.getting import Getter, is_collection

    address = item
    if "://" not in item:
        collection, slash, name = item.partition("/")
        if not collection or (slash and not name):
            raise InvalidInputError(
                f"{item[:60]!r}: write collection/item, a collection, or an address"
            )
        address = f"{at.rstrip('/')}/stac/collections/{collection}"
        address += f"/items/{name}" if name else ""
    told = _Told()
    getter = Getter(_key(key_file), on_progress=told, on_wait=told.wait)
    if is_collection(address):
        if version:
            raise InvalidInputError("--version names one of an item, not of a collection")
        print(f"asking {address}", file=sys.stderr, flush=True)
        _get_all(getter.get_all(address, out), told, json=json)
        return
    print(f"asking {address}", file=sys.stderr, flush=True)
    found = getter.get(address, out, version=version)
    told.end()
    if json:
        show(_assets(found))
        return
    _say(found)


def _get_all(found: Iterable[GotItem], told: _Told, *, json: bool) -> None:
    """Say what became of each item as it comes, at the end what was refused, and how many.

    Raises:
        Exit: something was; the exit code is that of the first.
    """
    count = refused = 0
    kept: list[GotItem] = []
    for each in found:
        told.end()
        count += 1
        if each.refused is not None:
            refused += 1
            kept += [each] if refused <= _MOST_NAMED else []
        if json:
            error = each.refused
            said = {"code": error.code, "message": str(error)} if error else {}
            line = {"item": each.item, "assets": _assets(each.assets), **said}
            print(dumps(line, ensure_ascii=False), flush=True)
        elif each.refused is None:
            _say(each.assets)
    told.end()
    for each in kept if not json else ():
        print(f"refused  {each.item}: {each.refused}")
    if refused > len(kept) and not json:
        print(f"refused  {refused - len(kept)} more")
    print(f"{count} items, {refused} refused", file=sys.stderr if json else sys.stdout)
    if kept and kept[0].refused is not None:
        raise typer.Exit(exit_code(kept[0].refused))


def _assets(found: Iterable[Got]) -> list[dict[str, Any]]:
    return [
        {
            "asset": each.asset,
            "place": str(each.place or ""),
            "bytes": each.bytes,
            "why": each.why,
        }
        for each in found
    ]


def _say(found: Iterable[Got]) -> None:
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
