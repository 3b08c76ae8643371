"""Searches of a node half of whose collections are closed, beside the same node all open.

    .venv/bin/python benchmarks/restricted.py --loaded NODE [--items 1000000] [--pairs 60]

NODE was left by `search.py --keep`. It is copied, every second collection of the copy is closed to
all but a group, by rule, and both are asked the same as the public, in turn, over HTTP on loopback,
one worker and one kept-alive connection each. Nobody's peer: what is told is what a rule costs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import orjson
from items import COLLECTIONS
from pairing import Client, Pairs, command_beside, describe_machine, free_port, serving
from search import WARM_UP, search_questions
from texts import text_questions

from earthcommons.commons import open_node
from earthcommons.commons.stories.access import Rule, set_rule
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as

__all__ = ["closed_copy"]

GROUP = "survey"


def closed_copy(node: Path, to: Path) -> float:
    """Copy a node, close every second collection of the copy; return the seconds of a rule."""

    def copied(source: str, target: str) -> str:
        # Objects never change: the copy may share them.
        if f"{os.sep}objects{os.sep}" in source:
            os.link(source, target)
            return target
        return shutil.copy2(source, target)

    shutil.copytree(node, to, copy_function=copied, ignore=shutil.ignore_patterns("*.lock"))
    copy = open_node(to)
    started = time.perf_counter()
    with acting_as(OPERATOR):
        copy.catalog.people.add_group(GROUP, "Survey")
        for n in range(0, COLLECTIONS, 2):
            set_rule(copy, "collection", f"scenes-{n:02d}", Rule(find=f"group:{GROUP}"))
    spent_s = time.perf_counter() - started
    copy.catalog.close()
    return spent_s / len(range(0, COLLECTIONS, 2))


def main() -> None:
    """Ask both in turn and print the times of each."""
    options = _options()
    describe_machine()
    with ExitStack() as held:
        work = Path(
            held.enter_context(tempfile.TemporaryDirectory(dir=options.loaded.resolve().parent))
        )
        spent_s = closed_copy(options.loaded.resolve(), work / "closed")
        share = options.items // COLLECTIONS
        print(f"a rule on a collection of about {share:,} items: {spent_s:.1f} s")
        clients = []
        for name, root in (("closed", work / "closed"), ("open", options.loaded.resolve())):
            port = free_port()
            command = [command_beside(Path(sys.executable), "earthcommons"), "serve"]
            command += ["--node", str(root), "--port", str(port)]
            held.enter_context(serving(command, port, "/health", work / f"{name}.log"))
            clients.append(Client(port))
        _ask(clients, options)


def _ask(clients: list[Client], options: argparse.Namespace) -> None:
    head = f"{'p50':>9} {'p95 ms':>9} {'req/s':>8}"
    print(f"{'question':44} {'half closed:':>9} {head} all open: {head} open/closed exact")
    asked = {one.name: one.path for one in search_questions(options.items)}
    # Of a closed collection it answers 404.
    del asked["one item by id"]
    asked |= {one.name: one.path for one in text_questions(options.items) if not one.further}
    for name, draw in asked.items():
        rng = random.Random(name)  # noqa: S311
        pairs, exact = Pairs(), 0
        for n in range(WARM_UP + options.pairs):
            path = f"/stac{draw(rng)}"
            spent = [0.0, 0.0]
            for k in (0, 1) if n % 2 else (1, 0):
                body, spent[k] = clients[k].get(path)
                if k == 0:
                    exact += n >= WARM_UP and "numberMatched" in orjson.loads(body)
            if n >= WARM_UP:
                pairs.add(*spent)
        print(f"{name:44} {pairs.row()} {exact}/{options.pairs}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--loaded", type=Path, required=True, help="a node left by search.py")
    parser.add_argument("--items", type=int, default=1_000_000, help="how many it holds")
    parser.add_argument("--pairs", type=int, default=60, help="pairs of requests a question")
    return parser.parse_args()


if __name__ == "__main__":
    main()
