"""The description of the API (OpenAPI 3.1), put together from the routes and one table.

Paths, tags and sentences come from the routes, everything else from `openapi_table`. Described is
what is for programs; pages, their figures and files are for people and stay out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.web.identity import SESSION_COOKIE
from earthcommons.web.openapi_schemas import COMPONENTS, HEADERS, PATHS, QUERY, ref
from earthcommons.web.openapi_table import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI

    from earthcommons.web.openapi_table import Operation

__all__ = ["describe"]

_PROBLEM = "application/problem+json"
# Whatever is asked: a wrong parameter, a key that is none, `Accept` or headers that are none, a
# catalogue that does not answer in time.
_EVERYWHERE = (400, 401, 406, 431, 503)
_WAIT = (429, 503)
_SAYS = {
    200: "Done.", 201: "Made.", 204: "Done; nothing to say.", 206: "The part asked for.",
    303: "Go there.", 304: "What you have is still true.", 400: "The request needs mending.",
    401: "Who is asking?", 403: "Not allowed.", 404: "Nothing visible has that name.",
    406: "Accept names no media range.", 408: "The body came too slowly.", 409: "Conflict.",
    410: "Withdrawn; `stub` says what became of it.", 412: "It has changed since.",
    413: "Too large.", 415: "Another media type, or compressed.", 416: "No such part.",
    422: "The content needs mending.", 428: "Say which version you read, with If-Match.",
    429: "Too many tries.", 431: "Too many headers, or too large.",
    460: "The bytes arrived damaged.", 502: "Stored bytes are damaged.",
    503: "Not available now.",
}  # fmt: skip
_KEY, _SESSION = "key", "session"
_ACCOUNT: list[dict[str, list[str]]] = [{_KEY: []}, {_SESSION: []}]
_SCHEMES = {
    _KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of an account, or a token of the node's identity provider.",
    },
    _SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "A session; what changes something must come from the node's own pages.",
    },
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application.

    Source:
        OpenAPI Specification 3.1; RFC 9457 for problem documents.
    """
    drawn = app.openapi()
    paths = {
        path: {
            method: _operation(path, method, stated, OPERATIONS[method, path])
            for method, stated in operations.items()
        }
        for path, operations in drawn["paths"].items()
    }
    return {
        "openapi": "3.1.0",
        "info": drawn["info"],
        "paths": paths,
        "components": {
            "schemas": COMPONENTS,
            "securitySchemes": _SCHEMES,
        },
    }


def _operation(
    path: str, method: str, stated: Mapping[str, Any], line: Operation
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": stated["operationId"],
        "summary": stated["description"].split("\n")[0],
        "tags": stated.get("tags", ["API"]),
        "parameters": list(_parameters(path, line)),
        "security": _ACCOUNT if line.account else [{}, *_ACCOUNT],
        "responses": dict(sorted(_responses(method, line))),
    }
    if line.body:
        content = {
            media: {"schema": ref(name)} if name else {} for media, name in line.body.items()
        }
        found["requestBody"] = {"required": not line.optional, "content": content}
    return found


def _parameters(path: str, line: Operation) -> Iterator[dict[str, Any]]:
    for part in path.split("{")[1:]:
        name = part.partition("}")[0]
        schema = PATHS.get(name, {"type": "string", "minLength": 1})
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for name in line.query:
        yield {"name": name, "in": "query", "schema": QUERY[name]}
    if line.prefix:
        # An object in form style: each member is a parameter of its own.
        names = {"type": "string", "pattern": f"^{line.prefix.replace('.', '[.]')}[a-z_]+$"}
        yield {
            "name": "dimensions",
            "in": "query",
            "style": "form",
            "explode": True,
            "description": f"`{line.prefix}NAME=value` for each dimension.",
            "schema": {
                "type": "object",
                "propertyNames": names,
                "additionalProperties": {"type": "string"},
            },
        }
    for name in (*line.needed, *line.headers):
        required = name in line.needed
        yield {"name": name, "in": "header", "required": required, "schema": HEADERS[name]}


def _responses(method: str, line: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, media in line.answers.items():
        said = _content(_SAYS[status], media)
        if line.sends.get(status):
            said["headers"] = {
                name: {"required": True, "schema": HEADERS[name]} for name in line.sends[status]
            }
        yield str(status), said
    for status in {*_EVERYWHERE, *line.problems}:
        # An answer to HEAD says the same with no body.
        problem = _content(_SAYS[status], {} if method == "head" else {_PROBLEM: "Problem"})
        if status in _WAIT:
            problem["headers"] = {
                "Retry-After": {"required": True, "schema": HEADERS["Retry-After"]}
            }
        yield str(status), problem


def _content(description: str, media: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"description": description}
    if media:
        found["content"] = {
            kind: {"schema": ref(name)} if name else {} for kind, name in media.items()
        }
    return found
