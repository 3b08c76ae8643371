"""The command line, run in this process as `earthcommons …` would run it."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest import mock

import pytest
import typer.main

from earthcommons.cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


# Making all commands takes longer than most of them: here they are made once.
_get_command = cache(typer.main.get_command)


def run_cli(*arguments: object) -> Ended:
    """Run a command; errors raised on purpose become exit codes, all others are raised."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["earthcommons", *map(str, arguments)]
    code = 0
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(typer.main, "get_command", _get_command),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return Ended(code, out.getvalue(), err.getvalue())


@pytest.fixture
def cli() -> Any:
    return run_cli
