"""The description says what the handlers do, and the faults that its judge found stay mended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.web.access_node import desk
from tests.web.policy_table import routes_of

from earthcommons.web.openapi import describe
from earthcommons.web.openapi_table import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2
    from tests.web.access_node import Desk

NAMES = {
    "collection": "snow", "item": "open", "asset": "data", "z": "0", "x": "0", "y": "0",
    "kind": "collection", "name": "snow", "lang": "en", "version": "1",
}  # fmt: skip
# For people: pages, what stands on them, and the catalogue's root without its slash.
FOR_PEOPLE = re.compile(
    r"/|/stac|/icon\.svg|/favicon\.ico|/(?:static|figures|\{lang:lang\})(?:/.*)?"
)
TUS = {"tus-resumable": "1.0.0"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = desk(tmp_path_factory.mktemp("described"))
    yield made
    made.node.catalog.close()


@pytest.fixture(scope="module")
def document(node: Desk) -> dict[str, Any]:
    found: dict[str, Any] = node.at().get("/openapi.json").json()
    return found


def test_description_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert [str(fault) for fault in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_for_programs_is_described_and_no_page_is(
    node: Desk, document: dict[str, Any]
) -> None:
    described = {
        (method.upper(), path) for path, each in document["paths"].items() for method in each
    }
    served = {
        (method, path.replace(":path}", "}"))
        for method, path in routes_of(node.app)
        if not FOR_PEOPLE.fullmatch(path)
    }
    assert described == served
    assert {(method.upper(), path) for method, path in OPERATIONS} == served


def test_every_parameter_a_handler_takes_is_described_and_the_reverse(
    node: Desk, document: dict[str, Any]
) -> None:
    client, faults = node.at("root"), {}
    for path, each in document["paths"].items():
        for method, stated in each.items():
            asked = (client, method, _filled(path))
            answer = _sent(*asked, {"no-such": "1"})
            listed = {p["name"] for p in stated["parameters"] if p["in"] == "query"}
            dims = {"dimensions"} & listed
            if method == "head":
                right = answer.status_code == 400 and not listed
            else:
                said = re.search(r"known here: (.*)", answer.json()["detail"])
                taken = set(said[1].split(", ")) - {"none"} if said else None
                dim = _sent(*asked, {"dim.scale": "1"})
                right = taken == listed - dims and ("unknown-parameter" in dim.text) == (
                    not dims
                )
            if not right:
                faults[f"{method} {path}"] = answer.text
    assert faults == {}


def test_problem_that_is_answered_is_one_of_those_described(
    node: Desk, document: dict[str, Any]
) -> None:
    answer = node.at().get("/stac/collections/none")
    stated = document["paths"]["/stac/collections/{collection}"]["get"]["responses"]["404"]
    schema = document["components"]["schemas"]["Problem"]
    assert list(stated["content"]) == [answer.headers["content-type"]]
    assert set(schema["required"]) <= set(answer.json()) <= set(schema["properties"])
    assert re.search(schema["properties"]["type"]["pattern"], answer.json()["type"])


def test_body_that_is_described_names_the_members_that_are_taken(
    node: Desk, document: dict[str, Any]
) -> None:
    client, faults = node.at("root"), {}
    for path, each in document["paths"].items():
        for method, stated in each.items():
            content = stated.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                continue
            schema = document["components"]["schemas"][content["schema"]["$ref"].split("/")[-1]]
            if schema.get("additionalProperties") is not False:
                continue
            answer = client.request(method, _filled(path), json={"no-such": 1})
            said = re.search(r"known here: (.*)", answer.json()["detail"])
            if not said or set(said[1].split(", ")) != set(schema["properties"]):
                faults[f"{method} {path}"] = answer.text
    assert faults == {}


def test_description_of_an_application_leaves_the_application_as_it_is(node: Desk) -> None:
    assert describe(node.app) == describe(node.app)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/stac/collections", {"GET", "HEAD", "POST"}),
        ("/api/drafts/from-uploads", {"POST"}),
        ("/objects/x", {"GET", "HEAD"}),
    ],
)
def test_method_that_is_not_there_is_refused_with_all_that_are(
    node: Desk, path: str, methods: set[str]
) -> None:
    answer = node.at().request("TRACE", path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == methods


@pytest.mark.parametrize("goal", ["", "²", "0", "18", "007"])
def test_goal_that_is_no_number_from_1_to_17_is_refused(node: Desk, goal: str) -> None:
    assert node.at().get("/api/offers", params={"goal": goal}).status_code == 400


@pytest.mark.parametrize(
    "asked",
    [
        "/stac/search?filter-lang=null",
        "/stac/collections?filter-crs=EPSG:4326",
        "/api/citation/snow/open?lang=fr",
        "/api/citation/snow/open?lang=",
    ],
)
def test_parameter_with_no_effect_is_refused_where_it_is_wrong(node: Desk, asked: str) -> None:
    assert node.at().get(asked).status_code == 400


def test_verifying_takes_no_word_for_no(node: Desk) -> None:
    answer = node.at().post("/api/observations/none/verify?independent=true")
    assert (answer.status_code, answer.json()["detail"]) == (400, "independent 'true': 0 or 1")


@pytest.mark.parametrize("name", ["datetime", "collections", "ids", "q", "token", "filter",
                                  "sortby", "query", "fields"])  # fmt: skip
@pytest.mark.parametrize("value", [False, 0])
def test_member_of_a_search_that_is_false_or_zero_is_refused(
    node: Desk, name: str, value: Any
) -> None:
    assert node.at().post("/stac/search", json={name: value}).status_code == 400


@pytest.mark.parametrize("name", ["include", "exclude"])
def test_fields_that_are_no_list_are_refused_also_when_empty(node: Desk, name: str) -> None:
    assert node.at().post("/stac/search", json={"fields": {name: ""}}).status_code == 400


def test_null_in_a_search_says_the_same_as_nothing(node: Desk) -> None:
    names = ("bbox", "datetime", "collections", "ids", "intersects", "q", "token", "filter",
             "sortby", "query")  # fmt: skip
    asked = node.at().post("/stac/search", json=dict.fromkeys(names))
    assert (
        asked.json()["features"] == node.at().post("/stac/search", json={}).json()["features"]
    )


def test_true_is_no_number_of_days(node: Desk) -> None:
    body = {"scopes": ["read"], "days": True}
    answer = node.at("eve").post("/api/me/keys", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, "days: of another type")


def _filled(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: NAMES.get(found[1], "x"), path)


def _sent(client: Any, method: str, path: str, params: dict[str, str]) -> httpx2.Response:
    found: httpx2.Response = client.request(method, path, params=params, headers=TUS)
    return found
