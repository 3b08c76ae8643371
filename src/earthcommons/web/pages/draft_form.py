"""The form of a draft: its fields, what a person wrote into them, and metadata made of that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from earthcommons.web.pages.rules import LICENCES, RuleFields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.web.pages.forms import Form

__all__ = ["FIELDS", "GOALS", "NATURES", "TOPICS", "Filled"]

NATURES = ("observation", "model", "reconstruction", "derived")
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
    "creators", "contact", "derivation", "keywords", "themes", "sdg", "doi", "rule",
)  # fmt: skip
_PLAIN = ("period", "attribution", "nature", "derivation", "doi", "crs")
_SPLIT = re.compile(r"[,，;；、\n]+")


class Filled:
    """What stands in the fields: from the draft, or as a person sent it."""

    def __init__(self, body: Mapping[str, Any], sent: Form | None = None) -> None:
        self._metadata: Mapping[str, Any] = body["metadata"]
        self._seen: Mapping[str, Any] = body.get("seen") or {}
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
        """Return name, unit and meaning of each variable that was seen or declared."""
        declared = {v["name"]: v for v in self._metadata.get("variables") or ()}
        seen = {v["name"]: v.get("unit", "") for v in self._seen.get("variables") or ()}
        found = []
        for number, name in enumerate([*seen, *(n for n in declared if n not in seen)]):
            facts = declared.get(name, {})
            unit = facts.get("unit") or seen.get(name, "")
            meaning = facts.get("meaning", "")
            if self._sent is not None:
                unit, meaning = (
                    self._sent.text(f"unit.{number}"), self._sent.text(f"meaning.{number}")
                )  # fmt: skip
            found.append(
                {
                    "name": str(name),
                    "unit": str(unit),
                    "meaning": str(meaning),
                    "stated": str(seen.get(name, "")),
                }
            )
        return found

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
            "variables": [
                {k: v for k, v in each.items() if k != "stated" and v}
                for each in self.variables()
                if each["unit"] or each["meaning"]
            ],
        }
        return {name: value if _says(value) else None for name, value in written.items()}


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
