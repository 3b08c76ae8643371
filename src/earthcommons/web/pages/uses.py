"""What rests on a record: indicators, alerts and reports whose published run read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earthcommons.errors import NotFoundError
from earthcommons.indicators import INDICATOR_KEYS, find_indicator

if TYPE_CHECKING:
    from earthcommons.web.pages.site import Site

__all__ = ["used_by"]

_MOST_ALERTS = 20


def used_by(site: Site, lang: str, name: str) -> list[tuple[str, str, str]]:
    """Return what uses an item and may be seen: (kind, address, title)."""
    words = site.words[lang]
    runs = {link.id for link in site.catalog.links_to("item", name) if link.kind == "run"}
    now = {key: run for key in INDICATOR_KEYS if (run := site.run_of(key)) in runs}
    found = [
        ("indicator", f"/{lang}/indicators/{key}", find_indicator(key).title[lang])
        for key in now
    ]
    resting: dict[str, set[str]] = {"report": set(), "alert": set()}
    for run in sorted(runs):
        for link in site.catalog.links_to("run", run):
            # A report keeps what it rests on; an alert of an earlier run was raised again.
            if link.kind == "report" or (link.kind == "alert" and run in now.values()):
                resting[link.kind].add(link.id)
    for id_ in sorted(resting["report"]):
        try:
            report = site.catalog.get("report", id_)
        except NotFoundError:
            continue
        found.append(("report", f"/{lang}/reports/{id_}", words.of(report["title"])))
    for id_ in sorted(resting["alert"])[:_MOST_ALERTS]:
        try:
            alert = site.catalog.get("alert", id_)
        except NotFoundError:
            continue
        if alert.get("state") == "withdrawn":
            continue
        title = words.phrase(
            [site.region_name(alert["region"], lang), words.kind(alert["kind"]), alert["start"]]
        )
        found.append(("alert", f"/{lang}/alerts#{id_}", title))
    return found
