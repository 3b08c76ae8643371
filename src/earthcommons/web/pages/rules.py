"""Access rules in words: what a label asks for, and the form a person states one with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.access import Rule
from earthcommons.errors import InvalidInputError
from earthcommons.policy import OPEN, STAFF, combine, parse_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from earthcommons.web.pages.forms import Form
    from earthcommons.web.words import Words

__all__ = [
    "LICENCES",
    "RuleFields",
    "conditions_of",
    "label_words",
    "role_words",
    "rule_from",
    "rule_sentences",
]

# Licences people choose from; any other is written out. The second is the name to accept it by.
LICENCES: tuple[str, ...] = (
    "CC-BY-4.0", "CC0-1.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "ODbL-1.0",
    "PDDL-1.0", "Apache-2.0", "MIT",
)  # fmt: skip
_WHO = ("open", "registered", "licence", "group", "steward", "other")
_SEEN = ("open", "registered", "group", "steward", "other")


@dataclass(frozen=True, slots=True)
class RuleFields:
    """A rule as the form shows it; `*_label` holds what the choices cannot say."""

    find: str = "open"
    find_group: str = ""
    find_label: str = ""
    fetch: str = "open"
    fetch_group: str = ""
    fetch_licence: str = ""
    fetch_label: str = ""
    embargo: str = ""
    derive: str = "files"

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> RuleFields:
        """Return the form's fields of a rule with `find`, `fetch` and, or None, `derive`."""
        find, find_facts = _choice(rule.get("find") or OPEN)
        fetch, fetch_facts = _choice(rule.get("fetch") or OPEN)
        if find_facts.get("after") or find == "licence":
            find, find_facts = "other", {"label": rule["find"]}
        derive = rule.get("derive")
        return cls(
            find,
            find_facts.get("group", ""),
            find_facts.get("label", ""),
            fetch,
            fetch_facts.get("group", ""),
            fetch_facts.get("licence", ""),
            fetch_facts.get("label", ""),
            fetch_facts.get("after", "")[:10],
            "open" if derive == OPEN else "files" if derive is None else "keep",
        )

    @classmethod
    def sent(cls, form: Form) -> RuleFields:
        """Return what a person chose."""
        return cls(**{name: form.text(f"rule_{name}") for name in cls.__slots__})


def rule_from(fields: RuleFields, derive: str | None = None) -> Rule:
    """Return the rule that a person stated with the form.

    Args:
        fields: what they chose.
        derive: what the rule says of derived values, for who leaves that as it is.

    Raises:
        InvalidInputError: a choice lacks its group, licence or date, or is none of those offered.
    """
    if fields.find not in _SEEN or fields.fetch not in _WHO:
        raise InvalidInputError("choose who may find it, and who may have its files")
    find = _condition(fields.find, fields.find_group, "", fields.find_label)
    fetch = _condition(
        fields.fetch, fields.fetch_group, fields.fetch_licence, fields.fetch_label
    )
    if fields.embargo:
        try:
            day = date.fromisoformat(fields.embargo)
        except ValueError as error:
            raise InvalidInputError(
                f"{fields.embargo[:20]!r} is no date: write 2027-01-31"
            ) from error
        until = f"after:{day.isoformat()}T00:00:00Z"
        if fields.fetch == "other":
            fetch = combine(fetch, until)
        else:
            fetch = until if fetch == OPEN else f"{until}+{fetch}"
    chosen = {"open": OPEN, "files": None, "keep": derive}.get(fields.derive)
    return Rule(combine(find), combine(fetch), chosen)


def rule_sentences(words: Words, rule: Rule) -> list[str]:
    """Return what a rule will mean, one sentence for each of its three faces."""
    derive = rule.fetch if rule.derive is None else rule.derive
    return [
        words("rule_find", who=label_words(words, rule.find)),
        words("rule_fetch", who=label_words(words, combine(rule.find, rule.fetch))),
        words("rule_derive", who=label_words(words, combine(rule.find, derive))),
    ]


def conditions_of(label: str, *, named: bool) -> list[str]:
    """Return what a label asks for, each condition once.

    Args:
        label: an access label.
        named: whether to say which group or account; only who cares for the record may know.
    """
    found: list[str] = []
    for term in parse_label(label):
        for condition in term.conditions:
            hidden = not named and condition.startswith(("group:", "account:"))
            shown = condition.partition(":")[0] if hidden else condition
            if shown not in found:
                found.append(shown)
    return found


def label_words(words: Words, label: str, *, named: bool = True) -> str:
    """Return who satisfies a label, in words."""
    return condition_words(words, conditions_of(label, named=named))


def condition_words(words: Words, conditions: Iterable[str]) -> str:
    """Return who meets all of some conditions, in words."""
    said, days = [], []
    for condition in conditions:
        name, _, value = condition.partition(":")
        match name:
            case "licence":
                said.append(words("who_licence", name=licence_name(value)))
            case "group":
                said.append(
                    words("who_group", name=value) if value else words["who_some_group"]
                )
            case "account":
                said.append(
                    words("who_account", name=value) if value else words["who_some_account"]
                )
            case "after":
                days.append(value[:10])
            case "registered" | "steward":
                said.append(words[f"who_{name}"])
    joint = "，并且" if words.lang == "zh" else ", and "
    who = joint.join(said) or words["who_open"]
    # The last of the days is the one that counts: all must have come.
    return words("who_after", who=who, day=max(days)) if days else who


def licence_name(id_: str) -> str:
    """Return a licence as it is written, from the name it is accepted by."""
    return next((name for name in LICENCES if name.lower() == id_), id_)


def role_words(words: Words, role: str) -> str:
    """Return a role in words."""
    name, _, group = role.partition(":")
    if not group:
        return words[f"role_{name}"]
    scope = words["every_group"] if group == "*" else group
    return words("role_of", role=words[f"role_{name}"], group=scope)


def _condition(who: str, group: str, licence: str, label: str) -> str:
    if who == "group":
        if not group:
            raise InvalidInputError("choose the group")
        return combine(f"group:{group}")
    if who == "licence":
        if not licence:
            raise InvalidInputError("choose the licence to accept")
        return combine(f"licence:{re.sub(r'[^a-z0-9._-]+', '-', licence.lower())}")
    if who == "other":
        return combine(label)
    return {"open": OPEN, "registered": "registered", "steward": STAFF}[who]


def _choice(label: str) -> tuple[str, dict[str, str]]:
    """Return the form's choice for a label, with its facts."""
    terms = parse_label(label)
    if not terms:
        return "open", {}
    other: tuple[str, dict[str, str]] = ("other", {"label": label})
    if len(terms) > 1 or terms[0].owner:
        return other
    facts: dict[str, str] = {}
    for condition in terms[0].conditions:
        name, _, value = condition.partition(":")
        if name in facts or name == "account":
            return other
        facts[name] = value
    rest = [name for name in facts if name != "after"]
    if len(rest) > 1:
        return other
    return (rest[0] if rest else "open"), facts
