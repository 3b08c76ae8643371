"""The form of a draft: its fields, what a person wrote into them, and metadata made of that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.draft_variables import TABLE, by_order, paired
from earthcommons.errors import InvalidInputError
from earthcommons.web.pages.rules import LICENCES, RuleFields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.web.pages.forms import Form

__all__ = ["FIELDS", "GOALS", "NATURES", "TOPICS", "TYPES", "Filled", "titled"]

NATURES = ("observation", "model", "reconstruction", "derived")
# Types of a table's columns, and the units of columns that measure nothing.
TYPES = ("number", "integer", "string", "date")
_UNITS = {"string": ("name", "class", "1", "count"), "date": ("date",)}
GOALS = tuple(str(number) for number in range(1, 18))
# Source: ISO 19115-1:2014 and its amendment 1, MD_TopicCategoryCode.
TOPICS = (
    "farming", "biota", "boundaries", "climatologyMeteorologyAtmosphere", "economy", "elevation",
    "environment", "geoscientificInformation", "health", "imageryBaseMapsEarthCover",
    "inlandWaters", "location", "oceans", "planningCadastre", "society", "structure",
    "transportation", "utilitiesCommunication", "disaster",
)  # fmt: skip
# Fields a comment may be about, in the order of the form.
FIELDS = (
    "files", "title", "description", "period", "nature", "variables", "licence", "attribution",
    "creators", "contact", "derivation", "keywords", "themes", "sdg", "doi", "collection_title",
    "rule",
)  # fmt: skip
_PLAIN = ("period", "attribution", "nature", "derivation", "doi", "crs")
_SPLIT = re.compile(r"[,，;；、\n]+")


class Filled:
    """What stands in the fields: from the draft, or as a person sent it."""

    def __init__(self, body: Mapping[str, Any], sent: Form | None = None) -> None:
        self._metadata: Mapping[str, Any] = body["metadata"]
        self._pairs = paired(body)
        self.bands = by_order(body)
        self.columns = (body.get("seen") or {}).get("format") == TABLE
        self._sent = sent
        self.rule = RuleFields.sent(sent) if sent else RuleFields.of(body["rule"])

    def __getitem__(self, name: str) -> str:
        """Return the text of a field."""
        if self._sent is not None:
            return self._sent.text(name)
        first, _, part = name.partition(".")
        value = self._metadata.get(first)
        if part:
            return str(value.get(part, "")) if isinstance(value, dict) else ""
        if first == "licence_choice":
            licence = str(self._metadata.get("licence", ""))
            return licence if licence in (*LICENCES, "") else "other"
        if first == "creators":
            return "\n".join(_creator_line(each) for each in value or ())
        if first == "keywords":
            return ", ".join(str(word) for word in value or ())
        return str(value or "")

    def chosen(self, name: str) -> tuple[str, ...]:
        """Return what is chosen of `themes` or `sdg`."""
        if self._sent is not None:
            return self._sent.all(name)
        return tuple(str(each) for each in self._metadata.get(name) or ())

    def others(self, name: str) -> tuple[str, ...]:
        """Return what the draft states of `themes` or `sdg` beside what the form offers."""
        offered = TOPICS if name == "themes" else GOALS
        stated = (str(each) for each in self._metadata.get(name) or ())
        return tuple(each for each in stated if each not in offered)

    def _kept(self, name: str, offered: tuple[str, ...]) -> list[str]:
        known = (*offered, *self.others(name))
        return [each for each in self.chosen(name) if each in known]

    def variables(self) -> list[dict[str, str]]:
        """Return name, unit, meaning and, of a column, type of each variable seen or declared.

        What is not declared is what the look found: `found`, `stated` and `shows` are its name,
        unit and type.
        """
        rows = []
        for number, (seen, declared) in enumerate(self._pairs):
            found, stated = str(seen.get("name", "")), str(seen.get("unit", ""))
            shows = str(seen.get("datatype") or "number")
            row = {
                "name": str(declared.get("name") or found),
                "unit": str(declared.get("unit") or stated),
                "meaning": str(declared.get("meaning", "")),
                "datatype": str(declared.get("datatype") or shows),
            }
            if self._sent is not None:
                sent = {part: self._sent.text(f"{part}.{number}") for part in row}
                row |= {part: sent[part] for part in ("unit", "meaning")}
                if self.bands:
                    row["name"] = sent["name"] or row["name"]
                if self.columns and sent["datatype"] in TYPES:
                    row["datatype"] = sent["datatype"]
            found = found or row["name"]
            rows.append(row | {"found": found, "stated": stated, "shows": shows})
        return rows

    def _variables(self) -> list[dict[str, str]]:
        """Return what is declared of the variables.

        Raises:
            InvalidInputError: a column of words or days has a unit of numbers (`column-type`).
        """
        rows = self.variables()
        told: tuple[str, ...] = ("name", "unit", "meaning")
        for row in rows:
            kind, unit = row["datatype"], row["unit"]
            if self.columns and unit and unit not in _UNITS.get(kind, (unit,)):
                raise InvalidInputError(
                    f"column {row['name'][:60]!r} has the type {kind} and the unit {unit[:60]}: "
                    f"choose the type number, or a unit of {', '.join(_UNITS[kind])}",
                    code="column-type",
                )
        if self.columns:
            told = (*told, "datatype")
        said = [
            row["unit"]
            or row["meaning"]
            or (row["name"], row["datatype"]) != (row["found"], row["shows"])
            for row in rows
        ]
        # Bands are told by their order: all of them or none.
        kept = [
            row
            for row, each in zip(rows, said, strict=True)
            if each or (self.bands and any(said))
        ]
        return [{part: row[part] for part in told if row[part]} for row in kept]

    def metadata(self) -> dict[str, Any]:
        """Return the parts that the form holds; None takes a part away."""
        licence = self["licence_choice"]
        written = {
            "title": {"en": self["title.en"], "zh": self["title.zh"]},
            "description": {"en": self["description.en"], "zh": self["description.zh"]},
            **{name: self[name] for name in _PLAIN if name != "crs" or self[name]},
            "licence": self["licence"] if licence == "other" else licence,
            "licence_url": self["licence_url"],
            "creators": [
                _creator(line) for line in self["creators"].split("\n") if line.strip()
            ],
            "contact": {
                key: text for key in ("name", "email") if (text := self[f"contact.{key}"])
            },
            "keywords": [w for word in _SPLIT.split(self["keywords"]) if (w := word.strip())],
            "themes": self._kept("themes", TOPICS),
            "sdg": self._kept("sdg", GOALS),
            "variables": self._variables(),
            "collection_title": {
                lang: text
                for lang in ("en", "zh")
                if (text := self[f"collection_title.{lang}"])
            },
        }
        return {name: value if _says(value) else None for name, value in written.items()}


def titled(form: Form) -> dict[str, str]:
    """Return what a form calls the collection that begins, in each language it is filled in."""
    texts = {lang: form.text(f"collection_title.{lang}") for lang in ("en", "zh")}
    return {lang: text for lang, text in texts.items() if text}


def _says(value: Any) -> bool:
    return any(value.values()) if isinstance(value, dict) else bool(value)


def _creator(line: str) -> dict[str, str]:
    """Return a creator of a line: `Family, Given` is a person, anything else an organisation."""
    family, comma, given = (
        part.strip() for part in line.strip().replace("，", ",").partition(",")
    )
    if comma and family and given:
        return {"name": f"{given} {family}", "family": family, "given": given}
    return {"name": line.strip()}


def _creator_line(each: Mapping[str, str]) -> str:
    if each.get("family") and each.get("given"):
        return f"{each['family']}, {each['given']}"
    return each.get("name", "")
