"""Options and printing that every command shares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from earthcommons.commons import Node

__all__ = ["AsJson", "NodeDir", "opened", "show", "table"]

NodeDir = Annotated[Path, typer.Option("--node", help="Folder of the node.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_NODE = Path("node")


def opened(root: Path) -> Node:
    """Open the node in `root`.

    Raises:
        NotFoundError: there is none.
    """
    from earthcommons.commons import open_node

    return open_node(root)


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
