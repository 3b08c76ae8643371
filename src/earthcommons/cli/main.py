"""`earthcommons`: the command line; heavy floors are imported by the command that needs them."""

from __future__ import annotations

import sys

import typer

from earthcommons.cli import evidence, exchange, indicators, node, reports, watches
from earthcommons.cli.errors import exit_code
from earthcommons.errors import CommonsError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Share Earth data, and turn it into numbers traced back to their pixels.",
)
node.add_to(app)
evidence.add_to(app)
app.add_typer(indicators.app, name="indicator")
app.add_typer(watches.app, name="watch")
app.add_typer(reports.app, name="outlook")
app.add_typer(exchange.app, name="exchange")


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
        print(f"earthcommons: {error} [{error.code}]", file=sys.stderr)
        sys.exit(exit_code(error))
