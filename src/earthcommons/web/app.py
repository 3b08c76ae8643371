"""The one application: routes, errors and headers put together around a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from fastapi import FastAPI, Request, Response

from earthcommons import __version__
from earthcommons.web.api import api_router
from earthcommons.web.drafts_api import drafts_router
from earthcommons.web.errors import install_error_handlers
from earthcommons.web.headers import install_headers
from earthcommons.web.heads import install_heads
from earthcommons.web.identity import install_identity
from earthcommons.web.life_api import life_router
from earthcommons.web.links import links_router
from earthcommons.web.objects import objects_router
from earthcommons.web.oidc_login import oidc_router
from earthcommons.web.openapi import describe
from earthcommons.web.origins import install_origins
from earthcommons.web.pages import pages_router
from earthcommons.web.parameters import known
from earthcommons.web.people_api import people_router
from earthcommons.web.places import Places
from earthcommons.web.reports import reports_router
from earthcommons.web.signing_in import SigningIn
from earthcommons.web.stac import stac_router
from earthcommons.web.static_files import static_router
from earthcommons.web.tiles import tiles_router
from earthcommons.web.transactions import transactions_router
from earthcommons.web.uploads import uploads_router

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.commons import Node

__all__ = ["create_app"]

_OPENAPI = "application/vnd.oai.openapi+json;version=3.1"


def create_app(
    node: Node, progress: Callable[[], tuple[int, int, str] | None] | None = None
) -> FastAPI:
    """Return the web application of a node.

    Args:
        node: the node.
        progress: says how far a build of the node is (done, total, what), None when it is done.
    """
    app = FastAPI(
        title=node.settings.name,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # An address made of the request's own Host header would be whatever its sender wrote.
        redirect_slashes=False,
    )
    install_error_handlers(app)

    @app.get("/openapi.json")
    def openapi(request: Request) -> Response:
        """Return the description of every route, in the media type OGC API asks for."""
        known(request, ())
        return Response(orjson.dumps(describe(app)), media_type=_OPENAPI)

    provider, tokens = None, None
    if node.settings.oidc_issuer:
        # The libraries it takes are loaded where a provider is set up.
        from earthcommons.web.oidc import provider_of, token_reader

        provider = provider_of(node)
        tokens = token_reader(node, provider) if provider else None
    install_identity(app, node, tokens)
    # Around identity: a page must be able to read that its key is refused, too.
    install_origins(app, node.settings.cors_origins)
    install_headers(app)
    install_heads(app)
    app.include_router(stac_router(node))
    app.include_router(transactions_router(node))
    app.include_router(objects_router(node))
    app.include_router(tiles_router(node))
    places = Places(node)
    app.include_router(api_router(node, places))
    app.include_router(reports_router(node))
    signing_in = SigningIn(node)
    app.include_router(people_router(node, signing_in))
    app.include_router(oidc_router(node, provider))
    app.include_router(drafts_router(node))
    app.include_router(life_router(node))
    app.include_router(uploads_router(node))
    app.include_router(links_router(node))
    app.include_router(static_router())
    app.include_router(pages_router(node, progress, places, signing_in))
    return app
