"""Technology offers as facts and index terms; the providers' own texts are not carried."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from earthcommons.commons.demonstration.sources import Piece

__all__ = ["MOST_TERMS", "index_terms", "offer_of", "write_offers"]

MOST_TERMS = 40
_WORD = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_STOPWORDS = frozenset(
    re.findall(
        "[a-z]+",
        """
    about above across after again against all allow allowing allows along also although
    among and another any are around based because been before being below between both but
    can could create created different does doing done during each either enable enabled
    enables enabling etc even every few find first for from further gets give given gives
    has have having help helping helps her here him his how http https include included
    includes including into its itself just know like made make makes making many may might
    more most much multiple must near need needs new not now off one only onto other others
    our out over own per provide provided provides providing same several she should show
    shows since some such support supported supporting supports take than that the their
    them then there these they thing this those through thus together too toward towards two
    under until upon use used useful user users uses using various very via was way ways
    well were what when where whether which while who whom whose why will with within
    without work working works would www yet you your
    """,
    )
)


def write_offers(piece: Piece, sources: Path, target: Path) -> None:
    """Write one JSON object per line and offer, in the order of the provider's file.

    Raises:
        InvalidInputError: an offer of a source the table does not name.
    """
    with (sources / piece.providers[0].path).open(encoding="utf-8") as file:
        offers = [offer_of(json.loads(line), piece.options["system"]) for line in file]
    with target.open("w", encoding="utf-8", newline="") as out:
        for offer in offers:
            out.write(json.dumps(offer, ensure_ascii=False, separators=(",", ":")) + "\n")


def offer_of(row: dict[str, Any], systems: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return the facts of one published row; what the provider did not say is left out.

    Args:
        row: the published offer.
        systems: published source → `system`, `licence`.

    Raises:
        InvalidInputError: a source that is not in `systems`.
    """
    if row["source"] not in systems:
        raise InvalidInputError(f"offer {row['id']}: unknown source {row['source']!r}")
    system = systems[row["source"]]
    texts = [row.get("description") or "", *(row.get("evidence") or {}).values()]
    said = {
        "link": _web(row.get("url")),
        "licence": row.get("license"),
        "organisations": [_organisation(entry) for entry in row.get("organizations", [])],
        "countries": row.get("countries"),
        "goals": row["sdgs"],
        "sectors": row["sectors"],
        "stage": row.get("stage"),
    }
    return {
        "id": row["id"],
        "type": row["type"],
        "title": row["name"],
        "language": "en",
        "source": {
            "system": system["system"],
            "id": row["id"].partition(":")[2],
            "licence": system["licence"],
        },
        **{key: value for key, value in said.items() if value},
        "index_terms": index_terms(text for text in texts if text),
    }


def index_terms(texts: Iterable[str], most: int = MOST_TERMS) -> list[str]:
    """Return the words a text can be found by: the most frequent, then put in order.

    Lower case, at least three letters, no stopwords, no stems; ties fall to the alphabet. Order
    and frequency are gone from the result, so that the text cannot be read out of it.
    """
    counts = Counter(
        word
        for text in texts
        for word in _WORD.findall(text.lower())
        if 3 <= len(word) <= 40 and word not in _STOPWORDS
    )
    best = sorted(counts, key=lambda word: (-counts[word], word))[:most]
    return sorted(best)


def _organisation(entry: dict[str, Any]) -> dict[str, str]:
    named = {"name": entry["name"], "role": entry["role"]}
    website = _web(entry.get("website"))
    return named | {"website": website} if website else named


def _web(text: str | None) -> str:
    return text if text and re.match(r"https?://\S+$", text) else ""
