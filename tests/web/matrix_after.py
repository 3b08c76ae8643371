"""What each watcher is shown before and after a write, and what the policy lets it be shown."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from tests.web.matrix_cases import CASES, Case, Thing
from tests.web.matrix_ready import party_of
from tests.web.policy_table import TABLE, expected

from earthcommons.policy import STAFF, acting_as, combine, moment, satisfies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.web.matrix_kept import Name
    from tests.web.matrix_node import MatrixNode
    from tests.web.matrix_writes import Rule, Write
    from tests.web.policy_table import Line

    from earthcommons.commons import Node

__all__ = [
    "WATCHERS", "After", "View", "at_the_doors", "keys_of", "seen_otherwise", "stated", "view",
]  # fmt: skip

# By kind and id, what a list, a search or the change log says.
View = dict["Name", str]
# Nobody, a member, a licensee, a contributor, another group's steward, an operator.
WATCHERS = ("public", "gus", "liu", "mei", "oto", "root")
_AT_DOORS = ("public", "gus", "liu")
_DOORS = {
    ("GET", "/stac/collections/{collection}"),
    ("GET", "/stac/collections/{collection}/items/{item}"),
    ("HEAD", "/objects/{key}"), ("HEAD", "/objects/{key}/{inner:path}"),
    ("GET", "/api/observations/{id}"), ("GET", "/api/reports/{key}"),
    ("GET", "/api/recalls/{id}"), ("GET", "/tiles/{collection}/{item}/{asset}/tilejson.json"),
    ("GET", "/api/records/{kind}/{name:path}/versions/{version}"),
}  # fmt: skip
_SHOWN = tuple(line for line in TABLE if (line.method, line.path) in _DOORS)
_LISTS = (
    ("collection", "/stac/collections?limit=500", "collections", "id"),
    ("draft", "/api/drafts", "drafts", "id"), ("report", "/api/reports", "reports", "key"),
    ("alert", "/api/alerts", "alerts", "id"), ("watch", "/api/watches", "watches", "key"),
)  # fmt: skip
_BYTES = ("object", "part")
# Which of a case's labels finds a thing, and which gives its bytes.
_FACES = {
    **dict.fromkeys(("item", "also", "layer"), ("item_label", "data_label")),
    **dict.fromkeys(("past", "gone", "erratum", "recall"), ("item_label", "")),
    **dict.fromkeys(("run", "watch", "alert", "report", "region-set"), ("derived_label", "")),
    "observation": ("derived_label", "data_label"), "collection": ("collection_label", ""),
}  # fmt: skip


def view(world: MatrixNode, who: str) -> View:
    """Return what a party is shown by searches, facets, lists and the change log."""
    found: View = {}
    page = world.ask(who, "GET", "/stac/search?limit=500").json()
    for body in page["features"]:
        found["item", f"{body['collection']}/{body['id']}"] = json.dumps(body)
    found["matched", ""] = str(page["numberMatched"])
    found["facets", ""] = world.ask(who, "GET", "/stac/aggregate").text
    for kind, path, member, key in _LISTS:
        for body in world.ask(who, "GET", path).json()[member]:
            found[kind, body[key]] = json.dumps(body)
    with acting_as(party_of(who)):
        for change in world.node.catalog.changes(limit=10_000):
            name = (f"log of {change.kind}", change.id)
            found[name] = f"{found.get(name, '')} {change.version}"
    return found


def keys_of(node: Node, things: Mapping[str, list[Thing]]) -> dict[str, tuple[str, str]]:
    """Return name and asset of the item that each object belongs to."""
    found = {}
    for thing in (*things["item"], *things["also"]):
        for asset, said in node.catalog.whole("item", thing.names["name"])[0]["assets"].items():
            found[said["href"].rsplit("/", 1)[-1]] = (thing.names["name"], asset)
    return found


def stated(thing: Thing, rule: Rule) -> bool:
    """Return whether a thing of a case states that rule already."""
    case = next(case for case in CASES if case.name == thing.case)
    if thing.kind == "collection":
        return (case.find, "open", None) == (rule.find, rule.fetch, case.derive)
    return (case.item_find, case.item_fetch) == (rule.find, rule.fetch)


@dataclasses.dataclass(frozen=True)
class After:
    """What the policy knows after a write on a thing, worked out from the rule as stated.

    Attributes:
        write, who, thing: what was done.
        keys: item and asset of each object.
        things, named: all things as they were, by what they are for, and by kind and id.
    """

    write: Write
    who: str
    thing: Thing
    keys: Mapping[str, tuple[str, str]]
    things: Mapping[str, list[Thing]]
    named: Mapping[Name, Thing]

    def of(self, thing: Thing) -> Thing:
        """Return a thing as it is after the write."""
        write, about = self.write, self.thing
        if thing.case != about.case or not about.case:
            return thing
        goes = ("item", "past", "layer", *_BYTES)
        if write.gone and thing.kind in goes and self._of_item(thing):
            return dataclasses.replace(thing, gone=True)
        if write.rule is None:
            return thing
        case = next(case for case in CASES if case.name == about.case)
        if about.kind == "collection":
            return self._labelled(
                thing, dataclasses.replace(case, find=write.rule.find, derive=None)
            )
        if not self._of_item(thing):
            return thing
        rule = write.rule
        return self._labelled(
            thing, dataclasses.replace(case, item_find=rule.find, item_fetch=rule.fetch)
        )

    def first(self, thing: Thing) -> Thing:
        """Return the first version of a thing as it is after the write."""
        stands = self.of(thing)
        kinds = ("collection",) if self.thing.kind == "collection" else ("item", "past")
        if self.write.rule is None or thing.kind not in kinds:
            return stands
        # A version asks for what it stated, too: opening the present opens no past one.
        return dataclasses.replace(stands, label=combine(stands.label, thing.label))

    def hidden(self, who: str) -> list[str]:
        """Return the words of all that a party may not find after the write."""
        party, at = party_of(who), moment()
        words: dict[bool, set[str]] = {True: set(), False: set()}
        for thing in (self.of(thing) for of in self.things.values() for thing in of):
            words[satisfies(party, thing.label, at)].update(thing.marks)
        return sorted(words[False] - words[True])

    def label(self, kind: str, id_: str) -> str:
        """Return what a record asks for after the write, also one that it made."""
        if kind == "alert" and "recall" in self.write.path:
            return STAFF
        if kind == "series":
            run = next(c.name for c in CASES if c.indicator == id_)
            kind, id_ = next(
                n for n, t in self.named.items() if n[0] == "run" and t.case == run
            )
        if (kind, id_) in self.named:
            return self.of(self.named[kind, id_]).label
        if self.write.label:
            return self.write.label.format(who=party_of(self.who).id)
        if kind == "collection":
            return "open"
        return self.thing.names.get("find", self.thing.label)

    def _of_item(self, thing: Thing) -> bool:
        """Return whether a thing follows the case's first item."""
        if thing.kind in _BYTES:
            return self.keys[thing.names["key"]][0].endswith("ras")
        if thing.kind == "layer":
            return thing.names["item"].endswith("ras")
        return thing.kind not in ("collection", "also", "gone")

    def _labelled(self, thing: Thing, case: Case) -> Thing:
        if thing.kind in _BYTES:
            source = self.keys[thing.names["key"]][1] == "source"
            label = case.source_label if source else case.data_label
            return dataclasses.replace(thing, label=label)
        if thing.kind not in _FACES:
            return thing
        find, fetch = _FACES[thing.kind]
        needs = getattr(case, fetch) if fetch else thing.needs
        label = getattr(case, find)
        if thing.kind == "recall":
            # Here it states a label itself.
            label = combine(label, thing.label)
        return dataclasses.replace(thing, label=label, needs=needs)


def seen_otherwise(
    after: After, who: str, was: View, is_: View, touched: set[Name]
) -> Iterator[str]:
    """Return what a watcher is shown that it may not, or is no longer shown that it may."""
    party, hidden = party_of(who), None
    for name in sorted(was.keys() | is_.keys()):
        if was.get(name) == is_.get(name) or name[0] in ("matched", "facets"):
            continue
        kind, id_ = name[0].removeprefix("log of "), name[1]
        if (kind, id_) not in touched:
            yield f"changes what {who} sees of {name}"
            continue
        may = satisfies(party, after.label(kind, id_), moment())
        ends = (after.write.gone or kind == "alert") and kind == name[0]
        told = is_.get(name, "")
        if told != was.get(name, ""):
            hidden = after.hidden(who) if hidden is None else hidden
            yield from (f"tells {who} {mark} in {name}" for mark in hidden if mark in told)
        if name in is_ and not may:
            yield f"shows {name} to {who}"
        elif name not in is_ and may and not ends:
            yield f"hides {name} from {who}"
    items = {name: text for name, text in is_.items() if name[0] == "item"}
    if is_["matched", ""] != str(len(items)):
        yield f"{who} is shown {len(items)} items and told of {is_['matched', '']}"
    same = items == {name: text for name, text in was.items() if name[0] == "item"}
    if same and is_["facets", ""] != was["facets", ""]:
        yield f"changes the facets of {who}"


def at_the_doors(world: MatrixNode, after: After) -> Iterator[str]:
    """Ask for all things of the case at their own addresses, where labels may have changed."""
    case = after.thing.case
    if not case or not (after.write.rule or after.write.gone):
        return
    shown = [
        (after.first(thing) if line.path.endswith("{version}") else after.of(thing), line)
        for of in after.things.values()
        for thing in of
        for line in _SHOWN
        if thing.case == case and thing.kind in line.kinds
    ]
    for who in _AT_DOORS:
        hidden = after.hidden(who)
        for thing, line in shown:
            at, wanted = line.address(thing.names), _wanted(line, who, thing)
            answer = world.ask(who, line.method, at)
            status, text = answer.status_code, answer.text
            if status not in wanted:
                yield f"after it {who} {line.method} {at} is {status}, not {wanted}"
            yield from (
                f"after it {who} {line.method} {at} tells {mark}"
                for mark in hidden
                if mark in text and mark not in at
            )


def _wanted(line: Line, who: str, thing: Thing) -> tuple[int, ...]:
    said = expected(line, party_of(who), thing, moment())
    if said == "hidden" or (thing.gone and thing.kind in _BYTES):
        return (404,)
    if thing.gone:
        return (410,)
    return (403,) if said == "refused" else line.ok
