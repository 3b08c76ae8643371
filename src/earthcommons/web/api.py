"""The platform's own API: indicators, observations, evidence, alerts, reports, exchange."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response

from earthcommons.catalog import ObservationQuery, RecordQuery
from earthcommons.commons.stories.capsule import capsule
from earthcommons.commons.stories.exchanging import candidates
from earthcommons.commons.stories.tracing import trace
from earthcommons.commons.stories.verifying import verify
from earthcommons.errors import InvalidInputError
from earthcommons.indicators import all_indicators, find_indicator
from earthcommons.web.parameters import known, parse_limit

if TYPE_CHECKING:
    from earthcommons.commons import Node
    from earthcommons.web.places import Places
from earthcommons.web.turns import Turns

__all__ = ["PARAMETERS", "api_router"]

_JSON = "application/json"
_GEOJSON = "application/geo+json"
_COLUMNS = (
    "id", "indicator", "region", "period", "dimensions", "value", "unit", "status", "reason",
    "valid_share", "cells", "baseline", "run",
)  # fmt: skip
# What each handler takes, by its name: the description of the API is made of the same table.
PARAMETERS = {
    "regions": ("set",),
    "observations": ("indicator", "region", "period", "run", "limit", "token"),
    "verify": ("independent",),
    "offers": ("q", "goal", "limit", "token"),
    "candidates": ("limit",),
}


def api_router(node: Node, places: Places) -> APIRouter:
    """Return the routes below `/api`, and `/health`."""
    router = APIRouter(tags=["API"])
    doors = _Doors(node, places)
    for path, handler in (
        ("/health", doors.health),
        ("/api/regions", doors.regions),
        ("/api/regions.geojson", doors.regions_geojson),
        ("/api/disputed-lines.geojson", doors.disputed_lines),
        ("/api/indicators", doors.indicators),
        ("/api/indicators/{key}", doors.indicator),
        ("/api/observations", doors.observations),
        ("/api/observations.csv", doors.observations_csv),
        ("/api/observations/{id}", doors.observation),
        ("/api/observations/{id}/trace", doors.trace),
        ("/api/observations/{id}/capsule", doors.capsule),
        ("/api/alerts", doors.alerts),
        ("/api/watches", doors.watches),
        ("/api/reports", doors.reports),
        ("/api/reports/{key}", doors.report),
        ("/api/offers", doors.offers),
        ("/api/needs", doors.needs),
        ("/api/needs/{id}/candidates", doors.candidates),
    ):
        router.add_api_route(path, handler, methods=["GET"])
    router.add_api_route("/api/observations/{id}/verify", doors.verify, methods=["POST"])
    return router


class _Doors:
    """The handlers, and the node they read."""

    def __init__(self, node: Node, places: Places) -> None:
        self._node = node
        self._catalog = node.catalog
        self._places = places
        # Computing a number again is the one costly request here: one at a time.
        self._computing = Turns()

    def health(self, request: Request) -> Response:
        """Whether the node answers from its catalogue."""
        known(request, ())
        return _answer({"status": "ok", "items": self._catalog.count("item")})

    def regions(self, request: Request) -> Response:
        """Regions of a set, with names; groups have members."""
        values = known(request, PARAMETERS["regions"])
        regions = self._places.region_set(values.get("set", ""))
        return _answer(
            {
                "set": regions.id,
                "version": regions.version,
                "disclaimer": dict(regions.disclaimer),
                "regions": [region.as_json() for _, region in sorted(regions.regions.items())],
            }
        )

    def regions_geojson(self, request: Request) -> Response:
        """Outlines of a region set, simplified for drawing; never for computing."""
        values = known(request, PARAMETERS["regions"])
        return Response(self._places.outlines(values.get("set", "")), media_type=_GEOJSON)

    def disputed_lines(self, request: Request) -> Response:
        """Lines drawn dashed, since their status is not settled."""
        known(request, ())
        return Response(self._places.disputed_lines(), media_type=_GEOJSON)

    def indicators(self, request: Request) -> Response:
        """Declarations of all indicators."""
        known(request, ())
        return _answer({"indicators": [i.as_json() for i in all_indicators()]})

    def indicator(self, request: Request, key: str) -> Response:
        """One declaration."""
        known(request, ())
        return _answer(find_indicator(key).as_json())

    def observations(self, request: Request) -> Response:
        """Published observations, in order of region, period and dimensions."""
        page = self._catalog.observations(self._asked(request, 100))
        body = b'{"observations":[' + b",".join(page.bodies) + b"]"
        body += b',"numberMatched":%d' % (page.matched or 0)
        if page.token:
            body += b',"token":' + orjson.dumps(page.token)
        return Response(body + b"}", media_type=_JSON)

    def observations_csv(self, request: Request) -> Response:
        """The same as a table; at most 1,000 rows, `token` in the header asks for more."""
        page = self._catalog.observations(self._asked(request, 1000))
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(_COLUMNS)
        for body in page.bodies:
            row = orjson.loads(body)
            row["dimensions"] = ";".join(f"{k}={v}" for k, v in row["dimensions"].items())
            writer.writerow(["" if row[name] is None else row[name] for name in _COLUMNS])
        headers = {"content-disposition": 'attachment; filename="observations.csv"'}
        if page.token:
            headers["x-next-token"] = page.token
        return Response(
            text.getvalue().encode(), media_type="text/csv; charset=utf-8", headers=headers
        )

    def observation(self, request: Request, id: str) -> Response:
        """One observation."""
        known(request, ())
        return _answer(self._catalog.observation(id))

    def trace(self, request: Request, id: str) -> Response:
        """Where a number comes from."""
        known(request, ())
        return _answer(trace(self._node, id))

    def capsule(self, request: Request, id: str) -> Response:
        """A zip that recomputes the number with Python's standard library alone."""
        known(request, ())
        with self._computing:
            data = capsule(self._node, id)
        headers = {"content-disposition": f'attachment; filename="{id}.zip"'}
        return Response(data, media_type="application/zip", headers=headers)

    def verify(self, request: Request, id: str) -> Response:
        """Compute a number again from its inputs and compare."""
        values = known(request, PARAMETERS["verify"])
        independent = values.get("independent", "0")
        if independent not in ("0", "1"):
            raise InvalidInputError(f"independent {independent[:10]!r}: 0 or 1")
        with self._computing:
            found = verify(self._node, id, independent=independent == "1")
        return _answer(found.as_json())

    def alerts(self, request: Request) -> Response:
        """Alerts, standing ones first, then the newest."""
        known(request, ())
        found = [a for a in self._catalog.all("alert") if a.get("state") != "withdrawn"]
        found.sort(key=lambda alert: alert["start"], reverse=True)
        found.sort(key=lambda alert: alert["end"] is not None)
        return _answer({"alerts": found})

    def watches(self, request: Request) -> Response:
        """Watches with their rules and measured false-alarm rates."""
        known(request, ())
        return _answer({"watches": self._catalog.all("watch")})

    def reports(self, request: Request) -> Response:
        """Reports, without their statements."""
        known(request, ())
        names = ("id", "key", "edition", "template", "region", "title")
        found = self._catalog.all("report")
        return _answer({"reports": [{name: r[name] for name in names} for r in found]})

    def report(self, request: Request, key: str) -> Response:
        """One report with its statements, holes and evidence."""
        known(request, ())
        return _answer(self._catalog.get("report", key))

    def offers(self, request: Request) -> Response:
        """Technology offers by words and goal."""
        values = known(request, PARAMETERS["offers"])
        where: dict[str, str | int] = {}
        if (goal := values.get("goal")) is not None:
            # `isdigit` is true of `²`, which `int` does not read.
            if not goal.isdecimal() or len(goal) > 2 or not 1 <= int(goal) <= 17:
                raise InvalidInputError(f"goal {goal[:10]!r}: need 1 to 17")
            where["goals"] = int(goal)
        query = RecordQuery(
            "offer",
            text=values.get("q", ""),
            where=where,
            limit=parse_limit(values.get("limit", ""), 20, 100),
            token=values.get("token", ""),
        )
        page = self._catalog.records(query)
        body = b'{"offers":[' + b",".join(page.bodies) + b"]"
        body += b',"numberMatched":%d' % (page.matched or 0)
        if page.token:
            body += b',"token":' + orjson.dumps(page.token)
        return Response(body + b"}", media_type=_JSON)

    def needs(self, request: Request) -> Response:
        """Published needs."""
        known(request, ())
        return _answer({"needs": self._catalog.all("need")})

    def candidates(self, request: Request, id: str) -> Response:
        """Offers that may meet a need, with every criterion's result; no endorsement."""
        values = known(request, PARAMETERS["candidates"])
        found = candidates(self._node, id, limit=parse_limit(values.get("limit", ""), 10, 50))
        return _answer({"need": id, "candidates": [c.as_json() for c in found]})

    def _asked(self, request: Request, default: int) -> ObservationQuery:
        values = known(request, PARAMETERS["observations"], prefix="dim.")
        region = values.get("region", "")
        if indicator := values.get("indicator", ""):
            find_indicator(indicator)
        return ObservationQuery(
            indicator=indicator,
            region=self._places.find(region).id if region else "",
            period=values.get("period", ""),
            dimensions={k[4:]: v for k, v in values.items() if k.startswith("dim.")},
            run=values.get("run", ""),
            limit=parse_limit(values.get("limit", ""), default),
            token=values.get("token", ""),
        )


def _answer(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type=_JSON)
