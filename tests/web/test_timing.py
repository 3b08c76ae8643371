"""How much work a refusal takes: as much for what is hidden as for what never was.

No clock is read: what is compared are the statements put to the database, the files opened, and
the passwords hashed, in their order.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.matrix_cases import parties
from tests.web.matrix_checks import ask, cells, never
from tests.web.matrix_node import MatrixNode, build
from tests.web.policy_table import TABLE, expected

from earthcommons.catalog import file, history
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_as, moment
from earthcommons.trust import secrets
from earthcommons.web.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.web.asking import Answer
    from tests.web.policy_table import Line

WORD = "a long pass phrase"
_LITERAL = re.compile(r"[xX]?'(?:[^']|'')*'|(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b")
_NAMES = re.compile(r"\?(?:, ?\?)*")
_DONE: list[str] = []
_WATCHING: list[bool] = []


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MatrixNode]:
    real = file.open_reader

    def open_traced(*path: Any) -> Any:
        connection = real(*path)
        connection.set_trace_callback(_note)
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file, "open_reader", open_traced)
        made = build(tmp_path_factory.mktemp("timing"))
        with acting_as(OPERATOR):
            made.node.catalog.people.add("pat", "Pat", password=WORD)
        yield made
        made.close()
        made.node.catalog.close()


def _note(statement: str) -> None:
    if _WATCHING:
        _DONE.append(_NAMES.sub("?", _LITERAL.sub("?", statement)))


def _opened(event: str, facts: tuple[Any, ...]) -> None:
    if event == "open" and _WATCHING and isinstance(facts[0], str) and "/node/" in facts[0]:
        _DONE.append(f"open {facts[0].rpartition('.')[2]}")


# It cannot be taken away again: outside of `work` it does nothing.
sys.addaudithook(_opened)


def work(done: Callable[[], Answer]) -> tuple[Answer, list[str]]:
    """Return an answer, and what was asked of the database and the disk for it."""
    _DONE.clear()
    _WATCHING.append(True)
    try:
        answer = done()
    finally:
        _WATCHING.clear()
    return answer, list(_DONE)


def apart(world: MatrixNode, who: str, lines: Sequence[Line] = TABLE) -> list[str]:
    """Return each route that does other work for something hidden than for nothing."""
    party, at, found = parties()[who], moment(), []
    with world.dry():
        for line, thing in cells(world, lines):
            names = never(thing.names)
            if names == thing.names or expected(line, party, thing, at) != "hidden":
                continue
            hidden, did = work(lambda: ask(world, who, line, thing.names))  # noqa: B023
            missing, otherwise = work(lambda: ask(world, who, line, names))  # noqa: B023
            assert hidden.status_code == missing.status_code == 404
            if did != otherwise:
                where = f"{line.method} {line.address(thing.names)}"
                found.append(f"{where}:\n  hidden  {did}\n  missing {otherwise}")
    return found


ASKERS = ("public", "gus", "liu", "oto")


@pytest.mark.parametrize("who", ASKERS)
def test_what_is_hidden_takes_the_work_of_what_never_was(world: MatrixNode, who: str) -> None:
    assert apart(world, who, [line for line in TABLE if "/objects/" not in line.path]) == []


@pytest.mark.parametrize("who", ASKERS)
def test_bytes_one_may_not_have_take_the_work_of_none(world: MatrixNode, who: str) -> None:
    assert apart(world, who, [line for line in TABLE if "/objects/" in line.path]) == []


def test_a_second_question_about_what_is_hidden_is_seen(world: MatrixNode) -> None:
    real = history.gone

    def more(sql: Any, kind: str, id_: str, may: Any) -> Any:
        if sql.execute("SELECT 1 FROM record WHERE id = ?", (id_,)).fetchone():
            sql.execute("SELECT access FROM record WHERE id = ?", (id_,)).fetchone()
        return real(sql, kind, id_, may)

    item = [line for line in TABLE if line.path.endswith("/items/{item}")]
    assert apart(world, "public", item) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "gone", more)
        assert apart(world, "public", item)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was hashed, by the parameters and the salt's length of what it was held against."""
    seen: list[str] = []
    hasher = secrets._hasher()
    secrets._nobody()

    class Watched:
        def verify(self, digest: str, password: str) -> bool:
            seen.append(digest.rpartition("$")[0].rpartition("$")[0])
            return hasher.verify(digest, password)

        def hash(self, password: str) -> str:
            seen.append("hash")
            return hasher.hash(password)

    monkeypatch.setattr(secrets, "_hasher", lambda: Watched())
    return seen


def test_an_unknown_account_costs_what_a_wrong_password_costs(
    world: MatrixNode, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Throttle, "check", lambda self, name: None)
    found = []
    # Pat has a password, gus signs in elsewhere, and nobody has no account.
    for name in ("pat", "gus", "nobody"):
        sent = {"account": name, "password": "another long phrase"}
        hashed.clear()
        answer, did = work(lambda: world.ask("public", "POST", "/api/session", sent))  # noqa: B023
        assert answer.status_code == 401
        found.append((answer.content, answer.headers, did, list(hashed)))
    assert found[0] == found[1] == found[2]
    assert len(found[0][3]) == 1
    assert found[0][3][0].startswith("$argon2id$")


def test_a_key_nobody_has_costs_what_an_ended_one_costs(world: MatrixNode) -> None:
    stated = world.headers["gus"]["authorization"]
    name = stated.split("_")[1]
    asked = {
        "wrong secret": stated[:-1] + ("A" if stated[-1] != "A" else "B"),
        "unknown": stated.replace(name, "0" * 12),
        "revoked": world.headers["revoked"]["authorization"],
        "expired": world.headers["expired"]["authorization"],
    }
    found = {}
    for what, key in asked.items():
        done = work(lambda: world.ask("public", "GET", "/api/me", authorization=key))  # noqa: B023
        found[what] = (done[0].status_code, done[0].content, done[0].headers, done[1])
    assert {each[0] for each in found.values()} == {401}
    assert [what for what, each in found.items() if each != found["unknown"]] == []
