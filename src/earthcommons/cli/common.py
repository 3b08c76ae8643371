"""Options and printing that every command shares."""

from __future__ import annotations

import json
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earthcommons.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from earthcommons.commons import Node

__all__ = ["AsJson", "NodeDir", "opened", "show", "table"]

NodeDir = Annotated[Path, typer.Option("--node", help="Folder of the node.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_NODE = Path("node")


_AS: ContextVar[str] = ContextVar("account", default="")


@contextmanager
def acting(account: str) -> Iterator[None]:
    """Let the command act as an account of the node it opens; as operator when none is named."""
    from earthcommons.model.party import OPERATOR, PUBLIC
    from earthcommons.policy import acting_as

    named = _AS.set("" if account == "public" else account)
    try:
        with acting_as(PUBLIC if account else OPERATOR):
            yield
    finally:
        _AS.reset(named)


def opened(root: Path) -> Node:
    """Open the node in `root`, and be who `--as` names.

    Raises:
        NotFoundError: there is no node, or no such account on it.
    """
    from earthcommons.commons import open_node
    from earthcommons.policy.acting import become

    node = open_node(root)
    if name := _AS.get():
        party = node.catalog.people.party(name)
        if party is None:
            raise NotFoundError(f"there is no open account {name[:60]!r}")
        become(party)
    return node


def show(value: Any) -> None:
    """Print a JSON value."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under heads, columns aligned; wide characters count two."""
    lines = [list(heads), *[list(row) for row in rows]]
    widths = [max(_width(line[n]) for line in lines) for n in range(len(heads))]
    for line in lines:
        cells = (
            cell + " " * (width - _width(cell))
            for cell, width in zip(line, widths, strict=True)
        )
        print("  ".join(cells).rstrip())


def _width(text: str) -> int:
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)
