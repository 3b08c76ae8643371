"""Reports on paper: the PDF of an edition, made when asked for and kept for as long as it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter, Request, Response

from earthcommons.commons.stories.reporting import edition_of, pdf_of
from earthcommons.errors import NotFoundError
from earthcommons.model.canonical import digest_of
from earthcommons.web.parameters import known
from earthcommons.web.turns import Turns

if TYPE_CHECKING:
    from earthcommons.commons import Node

__all__ = ["reports_router"]

_MOST = 64


def reports_router(node: Node) -> APIRouter:
    """Return the route of the PDFs."""
    router = APIRouter(prefix="/reports", tags=["reports"])
    kept: dict[str, bytes] = {}
    printing = Turns()

    @router.get("/{key}.{lang}.pdf")
    def pdf(request: Request, key: str, lang: str) -> Response:
        """Return a report as PDF, in English (en) or Chinese (zh)."""
        known(request, ())
        if lang not in ("en", "zh"):
            raise NotFoundError(f"this report is not printed in {lang[:10]!r}")
        # What is printed follows from what is read, so the reading names the print.
        shown = edition_of(node, key, lang)
        lines = [(line.text, line.struck) for line in shown.lines]
        drawn = [each.spec for _, _, figures in shown.sections for each in figures]
        said = [shown.title, shown.edition, lines, shown.gaps, drawn]
        name = digest_of(orjson.dumps([key, lang, said]))
        with printing:
            if name not in kept:
                while len(kept) >= _MOST:
                    kept.pop(next(iter(kept)))
                kept[name] = pdf_of(node, key, lang)
            data = kept[name]
        headers = {
            "etag": f'"{name[:32]}"',
            "content-disposition": f'inline; filename="outlook-{key}.{lang}.pdf"',
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type="application/pdf", headers=headers)

    return router
