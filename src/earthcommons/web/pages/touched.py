"""Records that rest on another, as pages list them: what, through what, what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.errors import NotFoundError
from earthcommons.indicators import INDICATOR_KEYS, find_indicator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.web.pages.site import Site

__all__ = ["touched_row"]


def touched_row(site: Site, lang: str, each: Mapping[str, Any]) -> dict[str, Any]:
    """Return one touched record in words, with its page where it has one."""
    words, facts = site.words[lang], each["facts"]
    kind, id_ = each["kind"], each["id"]
    title, href = _named(site, lang, kind, id_, facts)
    notes = []
    if facts.get("observations"):
        notes.append(words("touched_observations", n=f"{facts['observations']:,}"))
    if facts.get("editions"):
        said = {key for edition in facts["editions"] for key in edition["statements"]}
        notes.append(words("touched_editions", n=len(facts["editions"]), statements=len(said)))
    if facts.get("struck"):
        notes.append(words("touched_struck", text=words.join(list(facts["struck"]))))
    return {
        "kind": words.kind(kind),
        "id": id_,
        "title": title,
        "href": href,
        "through": [_named(site, lang, "", name, {})[0] for name in each["through"]],
        "notes": notes,
        "outcome": words.kind(f"outcome-{each['outcome']}"),
        "now": each["now"] if each["now"] != id_ else "",
    }


def _named(
    site: Site, lang: str, kind: str, id_: str, facts: Mapping[str, Any]
) -> tuple[str, str]:
    words = site.words[lang]
    if kind == "run":
        key = str(facts.get("indicator", ""))
        if key in INDICATOR_KEYS:
            return find_indicator(key).title[lang], f"/{lang}/indicators/{key}"
    if kind == "series" and id_ in INDICATOR_KEYS:
        return find_indicator(id_).title[lang], f"/{lang}/indicators/{id_}"
    if kind == "watch":
        return id_, f"/{lang}/watches/{id_}"
    if kind == "report":
        try:
            return words.of(site.catalog.get("report", id_)["title"]), f"/{lang}/reports/{id_}"
        except NotFoundError:
            return id_, ""
    if kind == "alert":
        return id_, f"/{lang}/alerts#{id_}"
    return id_ if len(id_) <= 20 else f"{id_[:16]}…", ""
