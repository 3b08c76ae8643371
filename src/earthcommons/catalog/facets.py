"""How the matches of a question spread over themes, goals, formats, licences, regions and years."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import orjson

from earthcommons.catalog.conditions import conditions_of
from earthcommons.catalog.counting import TEXT_COST, by_ids, listed
from earthcommons.catalog.estimating import estimated, rows_by_year, years_kept
from earthcommons.catalog.hits import Hits
from earthcommons.catalog.item_rows import FACETS
from earthcommons.catalog.queries import Matched
from earthcommons.catalog.walks import seen, tested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from earthcommons.catalog.conditions import Conditions
    from earthcommons.catalog.queries import ItemQuery
    from earthcommons.catalog.reader import Reader

__all__ = ["FACET_NAMES", "Facets", "count_facets"]

FACET_NAMES = (*FACETS, "year")
FACETED = 200_000
# So few matches are listed and grouped.
LISTED = 5_000
_YEAR = "CAST(strftime('%Y', i.last, 'unixepoch') AS INTEGER)"

Facets = dict[str, dict[str, Matched]]
_Groups = dict[tuple[int, int], int]


def count_facets(sql: Reader, query: ItemQuery, labels: Iterable[str]) -> Facets:
    """Return for each facet how many matches have each value, most frequent first.

    A match without a value of a facet counts for none of it; the year is the one it ends in. Where
    over 200,000 rows would have to be looked at, each count lies between two bounds: what was
    met, and what all visible items of the collections have. About how many is told from the
    share of matches among the newest; for a year as if it were the same in all years.
    """
    asked = conditions_of(query, labels)
    sql.ask(asked.shapes, asked.holds, asked.box)
    if query.is_bare():
        groups = _kept(sql, query, asked)
        return _spread(sql, groups, groups)
    met, looked = _met(sql, query, asked)
    if not looked:
        return _spread(sql, met, met)
    years = rows_by_year(sql, query, asked)
    rows, matches = sum(years.values()), sum(met.values())

    def guess(name: str, value: str, n: int) -> int | None:
        if name == "year":
            return estimated(matches, looked, years.get(int(value), 0))
        return estimated(n, looked, rows)

    return _spread(sql, met, _kept(sql, query, asked), guess)


def _kept(sql: Reader, query: ItemQuery, asked: Conditions) -> _Groups:
    chosen, values = years_kept(query, asked)
    rows = sql.execute(
        f"SELECT tags, year, sum(n) FROM tally WHERE {chosen} GROUP BY 1, 2", values
    )
    return {(tags, year): n for tags, year, n in rows}


def _met(sql: Reader, query: ItemQuery, asked: Conditions) -> tuple[_Groups, int]:
    """Return the groups of matches, and among how many rows they were if those were not all.

    As with counts, neither depends on what is hidden.
    """
    groups: _Groups = defaultdict(int)
    found = _listed(sql, query, asked)
    if found is not None:
        values = (orjson.dumps(sorted(found)).decode(),)
        _add(groups, sql, "json_each(?) j CROSS JOIN item i ON i.k = j.value", values)
        return groups, 0
    most = FACETED // max(asked.cost, TEXT_COST if asked.terms else 1)
    for rows, values in seen(sql, query, asked):
        source, more = tested(f"{rows} LIMIT ?", asked.by_rows)
        _add(groups, sql, source, (*values, most, *more))
        if sql.execute(f"{rows} LIMIT 1 OFFSET ?", (*values, most)).fetchone():
            return groups, most
    return groups, 0


def _listed(sql: Reader, query: ItemQuery, asked: Conditions) -> Iterable[int] | None:
    if query.ids:
        return by_ids(sql, query, asked)
    hits = Hits(sql, query, asked) if asked.terms else None
    return listed(sql, query, asked, hits, LISTED)


def _add(groups: _Groups, sql: Reader, source: str, values: tuple[object, ...]) -> None:
    for tags, year, n in sql.execute(
        f"SELECT i.tags, {_YEAR}, count(*) FROM {source} GROUP BY 1, 2", values
    ):
        groups[tags, year] += n


def _spread(
    sql: Reader,
    low: _Groups,
    high: _Groups,
    guess: Callable[[str, str, int], int | None] = lambda *_: None,
) -> Facets:
    wanted = sorted({tags for tags, _ in high} | {tags for tags, _ in low})
    texts = dict(
        sql.execute(
            "SELECT t.tags, t.value FROM json_each(?) j CROSS JOIN tags t ON t.tags = j.value",
            (orjson.dumps(wanted).decode(),),
        ).fetchall()
    )
    sets = {tags: orjson.loads(text) for tags, text in texts.items()}
    lows, highs = _by_value(low, sets), _by_value(high, sets)
    return {
        name: {
            value: Matched(
                least := lows[name].get(value, 0), max(n, least), guess(name, value, least)
            )
            for value, n in sorted(
                highs[name].items(),
                key=lambda one: (-lows[name].get(one[0], 0), -one[1], one[0]),
            )
        }
        for name in FACET_NAMES
    }


def _by_value(
    groups: _Groups, sets: dict[int, dict[str, list[str]]]
) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {name: defaultdict(int) for name in FACET_NAMES}
    for (tags, year), n in groups.items():
        found["year"][str(year)] += n
        for name, values in sets[tags].items():
            for value in values:
                found[name][value] += n
    return found
