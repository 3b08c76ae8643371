"""Writes carried out one by one: what each changes, what it answers, what others see after it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.trials import every
from tests.web.matrix_after import (
    WATCHERS,
    After,
    at_the_doors,
    keys_of,
    seen_otherwise,
    stated,
    view,
)
from tests.web.matrix_cases import Thing, parties
from tests.web.matrix_checks import hidden_marks
from tests.web.matrix_kept import About, Kept
from tests.web.matrix_ready import party_of, ready
from tests.web.matrix_writes import ONE, WRITES, Write, line_of, sent
from tests.web.policy_table import expected

from earthcommons.policy import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.web.asking import Answer
    from tests.web.matrix_kept import Name
    from tests.web.matrix_node import MatrixNode

__all__ = ["Carried", "Cell"]

# One of the many who are asked where all are answered alike.
_FEW = ("public", "eve", "oto", "ann", "reader", "browser", "root")
# Who may not, of the many: nobody, an account, another group's steward, a key that only reads,
# one that only submits.
_OTHERS = ("public", "eve", "oto", "reader", "sender")
_DEAD = ("revoked", "expired", "ended")


@dataclass(frozen=True)
class Cell:
    """One write by one party on one thing."""

    write: Write
    who: str
    thing: Thing

    def __str__(self) -> str:
        write, names = self.write, self.thing.names
        rule = f" {write.rule}" if write.rule else ""
        name = names.get("name") or names.get("id") or write.kind
        return f"{self.who} {write.method} {write.path} {name}{rule}"

    @property
    def said(self) -> str:
        """What the policy says of it."""
        write, thing = self.write, self.thing
        if not write.judged:
            mine = thing.author in ("", party_of(self.who).id)
            return "allowed" if mine else "hidden"
        line, party = line_of(write), party_of(self.who)
        found = expected(line, party, thing, moment())
        if line.action == "review" and found == "allowed" and thing.author == party.id:
            return "refused"
        return found

    @property
    def idle(self) -> bool:
        """Whether it states the rule that stands: nothing would come of it."""
        rule = self.write.rule
        return rule is not None and self.said == "allowed" and stated(self.thing, rule)

    @property
    def chosen(self) -> bool:
        """Whether it is carried out where not all are."""
        write, who, thing = self.write, self.who, self.thing
        if not write.judged:
            return who in write.parties
        if who in _DEAD or who not in parties():
            return False
        if self.said != "allowed":
            return who in _OTHERS and thing.case in ("", *ONE)
        if thing.case:
            return thing.case in (write.cases if who == "ann" else ONE)
        return thing.kind != "nothing" or who in _FEW

    @property
    def possible(self) -> bool:
        """Whether it can be carried out."""
        if not self.write.judged:
            return self.who in self.write.parties
        return self.who in parties() and self.who not in _DEAD


class Carried:
    """The matrix's node with something ready for every write; it is put back after each."""

    def __init__(self, world: MatrixNode, root: Path) -> None:
        self.world = world
        self.things = ready(world, root)
        self._keys = keys_of(world.node, self.things)
        self._named: dict[Name, Thing] = {}
        for thing in (thing for of in self.things.values() for thing in of):
            if "kind" in thing.names and thing.kind != "past":
                self._named[thing.names["kind"], thing.names["name"]] = thing
            elif thing.kind == "draft":
                self._named["draft", thing.names["id"]] = thing
            elif thing.kind in ("recall", "region-set"):
                id_ = thing.names.get("id") or thing.names["name"]
                self._named[thing.kind, id_] = thing
        self._kept = Kept(world.node, root / "kept")
        self._marks: dict[str, list[str]] = {}
        self._before = {who: view(world, who) for who in WATCHERS}

    def cells(self, writes: Sequence[Write] = WRITES) -> Iterator[Cell]:
        """Yield what is carried out: all with EARTHCOMMONS_TRIALS=all, else what may differ."""
        for write in writes:
            for thing in self.things[write.kind]:
                for who in (*parties(), "pat"):
                    cell = Cell(write, who, thing)
                    if (cell.possible if every() else cell.chosen) and not cell.idle:
                        yield cell

    def faults(self, cell: Cell) -> list[str]:
        """Carry a write out, and return what is wrong with it."""
        return [f"{cell}: {fault}" for fault in self._faults(cell)]

    def _faults(self, cell: Cell) -> Iterator[str]:
        answer = self._carry_out(cell)
        words, touched = self._kept.changes(_about(cell))
        try:
            yield from self._told(cell, answer)
            yield from self._done(cell, answer, words, touched)
        finally:
            if words:
                self._kept.put_back()

    def _done(
        self, cell: Cell, answer: Answer, words: set[str], touched: set[Name]
    ) -> Iterator[str]:
        write, said = cell.write, cell.said
        wanted = {"who": 401, "hidden": 404, "refused": 403}.get(said, write.ok)
        if answer.status_code != wanted:
            yield f"{answer.status_code} {answer.text[-200:]!r}, where it is {said}"
        if said != "allowed":
            if words:
                yield f"{said}, and does {sorted(words)}"
            return
        if missing := set(write.must) - words:
            yield f"does not do {sorted(missing)}: {sorted(words)}"
        if more := words - {*write.must, *write.may}:
            yield f"does {sorted(more)} besides"
        if not touched:
            return
        after = After(write, cell.who, cell.thing, self._keys, self.things, self._named)
        for who in WATCHERS:
            is_, was = view(self.world, who), self._before[who]
            yield from seen_otherwise(after, who, was, is_, touched)
        yield from at_the_doors(self.world, after)

    def _carry_out(self, cell: Cell) -> Answer:
        write, who, thing = cell.write, cell.who, cell.thing
        line = dataclasses.replace(line_of(write), query="", names={})
        at, headers = line.address(thing.names), dict(write.headers)
        if write.tagged:
            headers["if-match"] = self.world.ask("root", "GET", at).headers["etag"]
        body, form = (sent(write, made, self.world, thing) for made in (write.body, write.form))
        return self.world.ask(who, write.method, at, body, form, **headers)

    def _told(self, cell: Cell, answer: Answer) -> Iterator[str]:
        """Return the words of hidden things in an answer, and on the page it leads to."""
        if cell.who not in self._marks:
            self._marks[cell.who] = hidden_marks(self.world, party_of(cell.who))
        given = " ".join((*cell.thing.names.values(), cell.write.path, str(cell.write.body)))
        said = [answer]
        if answer.status_code == 303:
            path = answer.headers["location"].removeprefix(self.world.node.settings.url)
            said.append(self.world.ask(cell.who, "GET", path.partition("#")[0]))
            if said[-1].status_code not in (200, 410, 401):
                yield f"leads to {path}, which is {said[-1].status_code}"
        for each in said:
            text = each.text + str(each.headers)
            yield from (
                f"tells {m}" for m in self._marks[cell.who] if m in text and m not in given
            )


def _about(cell: Cell) -> About:
    account, names = party_of(cell.who).id, cell.thing.names
    match cell.thing.kind:
        case "collection" | "item":
            return About(account, name=(names["kind"], names["name"]))
        case "draft":
            return About(account, name=("draft", names["id"]))
        case "key":
            return About(account, whose="mei")
        case "upload":
            return About(account, upload=names["id"])
    return About(account)
