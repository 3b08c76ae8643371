"""Commands about evidence: trace, verify, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show, table
from earthcommons.errors import IntegrityError, InvalidInputError

__all__ = ["add_to"]

ObservationId = Annotated[str, typer.Argument(help="Observation id, obs-…")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (trace, verify, export):
        app.command()(command)


def trace(
    observation: ObservationId,
    node: NodeDir = DEFAULT_NODE,
    lang: str = "en",
    json: AsJson = False,
) -> None:
    """Show where a number comes from, back to the provider's file."""
    from earthcommons.commons.stories.tracing import trace as find
    from earthcommons.commons.stories.tracing import trace_lines

    found = find(opened(node), observation)
    if json:
        show(found)
        return
    table(("", ""), trace_lines(found, lang))


def verify(
    observation: ObservationId,
    node: NodeDir = DEFAULT_NODE,
    independent: Annotated[bool, typer.Option(help="By the declared second route.")] = False,
    json: AsJson = False,
) -> None:
    """Compute a number again from its inputs and compare."""
    from earthcommons.commons.stories.verifying import verify as check

    result = check(opened(node), observation, independent=independent)
    if json:
        show(result.as_json())
    else:
        print(f"route     {result.route}")
        print(f"inputs    {result.inputs_checked} read whole, digests match")
        print(f"stored    {result.stored}")
        print(f"computed  {result.computed}")
        print("agrees" if result.agrees else f"DIFFERS by {result.difference}")
    if not result.agrees:
        raise IntegrityError(
            observation, expected=str(result.stored), found=str(result.computed)
        )


def export(
    observation: ObservationId,
    capsule: Annotated[Path, typer.Option(help="Zip file to write.")],
    node: NodeDir = DEFAULT_NODE,
) -> None:
    """Write a capsule that recomputes a number with Python alone."""
    from earthcommons.commons.stories.capsule import capsule as make

    data = make(opened(node), observation)
    try:
        capsule.write_bytes(data)
    except OSError as error:
        raise InvalidInputError(f"{capsule}: cannot be written ({error.strerror})") from error
    print(f"{capsule}: {len(data)} bytes; unzip it and run python3 recompute.py")
