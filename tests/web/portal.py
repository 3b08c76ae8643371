"""A person at the portal without scripts: reads pages, fills in their forms, follows redirects."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from earthcommons.commons import Node, make_node
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.web import create_app

if TYPE_CHECKING:
    from pathlib import Path

WORD = "a long pass phrase"
ROLES = {
    "mei": "contributor:hydro", "sam": "reviewer:hydro", "zhu": "steward:hydro", "eve": "",
    "root": "operator",
}  # fmt: skip


@dataclass
class FormOn:
    """A form as it stands on a page."""

    action: str
    method: str
    multipart: bool
    values: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """The forms, links and text of a page."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.status = answer.status_code
        self.address = str(answer.url.raw_path, "ascii")
        self.html = answer.text
        self.forms: list[FormOn] = []
        self.links: list[str] = []
        self._words: list[str] = []
        self._area = self._select = ""
        self._inside = False
        self.feed(answer.text)
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = True
            multipart = "multipart" in facts.get("enctype", "")
            self.forms.append(FormOn(facts["action"], facts.get("method", "get"), multipart))
        elif tag == "a":
            self.links.append(facts.get("href", ""))
        if not self._inside:
            return
        if tag == "input":
            self._input(facts)
        elif tag in ("textarea", "select", "option"):
            self._choice(tag, facts)
        elif tag == "button" and facts.get("name"):
            self.forms[-1].buttons.append((facts["name"], facts.get("value", "")))

    def _input(self, facts: dict[str, str]) -> None:
        form, name, kind = self.forms[-1], facts.get("name", ""), facts.get("type", "text")
        if kind == "file":
            form.files.append(name)
        elif kind not in ("checkbox", "radio"):
            form.values.setdefault(name, []).append(facts.get("value", ""))
        elif "checked" in facts:
            form.values.setdefault(name, []).append(facts.get("value", "on"))

    def _choice(self, tag: str, facts: dict[str, str]) -> None:
        form = self.forms[-1]
        if tag == "textarea":
            self._area = facts["name"]
            form.values[self._area] = [""]
        elif tag == "select":
            self._select = facts["name"]
        else:
            chosen = "selected" in facts or self._select not in form.values
            if chosen and "value" in facts:
                form.values[self._select] = [facts["value"]]
            self._area = f"?{self._select}" if chosen and "value" not in facts else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag in ("textarea", "option"):
            self._area = ""

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if self._area.startswith("?"):
            self.forms[-1].values[self._area[1:]] = [data.strip()]
        elif self._area:
            self.forms[-1].values[self._area] = [data]

    def form(self, ending: str) -> FormOn:
        """Return the form whose action ends so; there must be one."""
        found = [form for form in self.forms if form.action.endswith(ending)]
        assert found, (ending, [form.action for form in self.forms], self.text[:2000])
        return found[0]


class Person:
    """Somebody at the portal, signed in or not."""

    def __init__(self, node: Node, name: str = "", app: Any = None) -> None:
        self.name = name
        self.http = TestClient(app or create_app(node), base_url=node.settings.url)
        self.http.headers["origin"] = node.settings.url
        if name:
            page = self.open("/en/sign-in")
            page = self.send(page, "/sign-in", account=name, password=WORD)
            assert page.address == "/en/account", page.text

    def open(self, path: str, status: int = 200) -> Page:
        """Read a page."""
        answer = self.http.get(path)
        assert answer.status_code == status, (
            path,
            answer.status_code,
            Page(answer).text[:1500],
        )
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        return Page(answer)

    def send(
        self,
        page: Page,
        ending: str,
        *,
        button: tuple[str, str] | None = None,
        files: list[tuple[str, bytes]] | None = None,
        status: int = 200,
        **changes: Any,
    ) -> Page:
        """Fill in a form of a page and send it, as a browser would."""
        form = page.form(ending)
        assert form.method == "post"
        values: dict[str, Any] = {name: list(found) for name, found in form.values.items()}
        for name, value in changes.items():
            key = name.replace("__", ".")
            known = {*values, *re.findall(r'name="([^"]+)"', page.html)}
            assert key in known, (key, sorted(known))
            values[key] = value if isinstance(value, list) else [value]
        if button:
            assert button in form.buttons, form.buttons
            values[button[0]] = [button[1]]
        if form.multipart:
            parts = [(form.files[0] if form.files else "files", (name, data))
                     for name, data in files or ()]  # fmt: skip
            answer = self.http.post(
                form.action, data=values, files=parts or {"none": ("", b"")}
            )
        else:
            answer = self.http.post(form.action, data=values)
        sent = Page(answer)
        assert answer.status_code == status, (ending, answer.status_code, sent.text[:1500])
        if status == 200 and form.action.split("?")[0] != sent.address.split("?")[0]:
            assert answer.history, "a form is answered with a redirect"
        return sent


def community(root: Path) -> Node:
    """Return a node with a group and five people."""
    node = make_node(root / "node")
    populate(node)
    return node


def populate(node: Node) -> None:
    """Add the group and the people to a node."""
    people = node.catalog.people
    with acting_as(OPERATOR):
        people.add_group("hydro", "Hydrology", "水文")
        for name, role in ROLES.items():
            people.add(name, name.title(), password=WORD)
            if role:
                people.grant(name, role)
