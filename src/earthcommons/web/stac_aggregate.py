"""The aggregation extension: how the matches of a search spread over facets.

Source:
    stac-api-extensions/aggregation 0.3.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earthcommons.catalog.facets import Facets

__all__ = ["AGGREGATIONS", "aggregations_of", "chosen", "described"]

_SPREAD = "frequency_distribution"
# Name of the aggregation → facet and type of its keys.
AGGREGATIONS = {
    "theme_frequency": ("theme", "string"),
    "sdg_frequency": ("sdg", "string"),
    "format_frequency": ("format", "string"),
    "license_frequency": ("licence", "string"),
    "region_frequency": ("region", "string"),
    "year_frequency": ("year", "integer"),
}


def described() -> list[dict[str, str]]:
    """Return what can be asked, as `/stac/aggregations` lists it."""
    return [
        {
            "name": name,
            "data_type": "frequency_distribution",
            "frequency_distribution_data_type": kind,
        }
        for name, (_, kind) in AGGREGATIONS.items()
    ]


def chosen(text: str) -> tuple[str, ...]:
    """Return the aggregations named in a list with commas; all of them when none is.

    Raises:
        InvalidInputError: there is no such aggregation (`unknown-parameter`).
    """
    names = tuple(name for name in text.split(",") if name) or tuple(AGGREGATIONS)
    for name in names:
        if name not in AGGREGATIONS:
            raise InvalidInputError(
                f"{name[:40]!r} is none of {', '.join(AGGREGATIONS)}", code="unknown-parameter"
            )
    return names


def aggregations_of(facets: Facets, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the answer: buckets, most frequent first.

    `frequency` is exact, or, where `ec:exact` is false, the least it can be, with the most in
    `ec:atMost` and about how many in `ec:estimate` where that can be told.
    """
    answer = []
    for name in names:
        facet, kind = AGGREGATIONS[name]
        buckets: list[dict[str, Any]] = []
        for key, count in facets[facet].items():
            bucket = {"key": key, "data_type": kind, "frequency": count.low}
            if count.exact is None:
                bucket |= {"ec:exact": False, "ec:atMost": count.high}
                if count.guess is not None:
                    bucket["ec:estimate"] = count.guess
            buckets.append(bucket)
        answer.append(
            {
                "name": name,
                "data_type": "frequency_distribution",
                "overflow": 0,
                "buckets": buckets,
            }
        )
    return answer
