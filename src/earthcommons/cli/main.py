"""`earthcommons`: the command line; heavy floors are imported by the command that needs them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from earthcommons.cli import (
    bulk,
    drafts,
    evidence,
    exchange,
    getting,
    indicators,
    ingesting,
    keeping,
    node,
    people,
    reports,
    versions,
    watches,
)
from earthcommons.cli.errors import exit_code
from earthcommons.errors import CommonsError, GoneError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Share Earth data, and turn it into numbers traced back to their pixels.",
)
node.add_to(app)
ingesting.add_to(app)
people.add_to(app)
getting.add_to(app)
versions.add_to(app)
evidence.add_to(app)
keeping.add_to(app)
app.add_typer(drafts.app, name="draft")
app.command()(drafts.cite)
app.add_typer(indicators.app, name="indicator")
app.add_typer(watches.app, name="watch")
app.add_typer(reports.app, name="outlook")
app.add_typer(exchange.app, name="exchange")
app.add_typer(bulk.app, name="bulk")


@app.callback()
def begin(
    context: typer.Context,
    account: Annotated[
        str, typer.Option("--as", help="Act as this account of the node, or as `public`.")
    ] = "",
) -> None:
    """Whoever may open a node's folder acts as its operator, unless told otherwise."""
    from earthcommons.cli.common import acting

    context.with_resource(acting(account))


@app.command()
def version() -> None:
    """Print the version."""
    from earthcommons import __version__

    print(__version__)


def main() -> None:
    """Run the command line; errors raised on purpose end with their code and one line."""
    try:
        app()
    except CommonsError as error:
        print(f"earthcommons: {error}{_stub(error)} [{error.code}]", file=sys.stderr)
        sys.exit(exit_code(error))


def _stub(error: CommonsError) -> str:
    """Return what the stub of a withdrawn record says: when, why, what takes its place."""
    stub = error.stub if isinstance(error, GoneError) else {}
    said = [str(stub.get("withdrawn", ""))[:10], str(stub.get("reason", ""))]
    said += [str(stub.get("note", ""))]
    said += [f"in its place: {stub['successor']}"] if stub.get("successor") else []
    # A note is what a person wrote: nothing in it may move the cursor of a terminal.
    text = "".join(c for c in "; ".join(each for each in said if each) if c.isprintable())
    return f" ({text})" if text else ""
