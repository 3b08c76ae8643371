"""Commands of submission and review: a draft from its first line to a published item."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show, table
from earthcommons.errors import (
    AccessDeniedError,
    CommonsError,
    ConflictError,
    InvalidInputError,
)

__all__ = ["app", "cite"]

app = typer.Typer(no_args_is_help=True, help="Submit data, review it, publish it.")
Id = Annotated[str, typer.Argument(help="Id of the draft.")]
_STATES = (
    "draft", "submitted", "changes-requested", "published", "declined", "withdrawn",
)  # fmt: skip
Say = Annotated[str, typer.Option("--text", help="What to say.")]


@app.command("start")
def start(
    name: Annotated[str, typer.Argument(help="collection/item")],
    files: Annotated[list[Path] | None, typer.Argument(help="Files of the item.")] = None,
    node: NodeDir = DEFAULT_NODE,
    metadata: Annotated[
        Path | None, typer.Option(help="TOML file with the metadata; docs/submitting.md.")
    ] = None,
    group: Annotated[str, typer.Option(help="Group that will own a new collection.")] = "",
    replaces: Annotated[
        bool, typer.Option("--replaces", help="It is a new version of the item.")
    ] = False,
    find: Annotated[str, typer.Option(help="Label of who shall find it.")] = "open",
    fetch: Annotated[str, typer.Option(help="Label of who shall have its bytes.")] = "open",
    derive: Annotated[str, typer.Option(help="Label of who shall see what rests on it.")] = "",
    json: AsJson = False,
) -> None:
    """Begin a draft, attach files, look into them, and say what is missing."""
    from earthcommons.commons.stories import submitting
    from earthcommons.commons.stories.drafts import get_draft
    from earthcommons.commons.stories.publishing import look_into

    at, parts = opened(node), _metadata(metadata)
    submitting.check_names(file.name for file in files or ())
    collection, _, item = name.partition("/")
    try:
        made = submitting.start_draft(at, collection, item, group=group, replaces=replaces)
    except ConflictError as error:
        if error.code != "exists":
            raise
        raise ConflictError(f"{error} (--replaces)", code=error.code) from error
    except AccessDeniedError as error:
        if group:
            raise
        raise AccessDeniedError(f"{error}; a new collection needs --group") from error
    id_ = made["id"]
    rule = {"find": find, "fetch": fetch, "derive": derive}
    try:
        submitting.edit_draft(at, id_, parts, rule=rule)
        for file in files or ():
            submitting.add_file(at, id_, file, file.name)
        if files:
            look_into(at, id_)
    except CommonsError:
        # Who is refused begins again: what was begun is not left lying under an id nobody knows.
        submitting.withdraw_draft(at, id_)
        raise
    _tell(get_draft(at, id_), json)


@app.command("list")
def list_drafts(
    node: NodeDir = DEFAULT_NODE,
    state: Annotated[str, typer.Option(help=f"Only those that are {', '.join(_STATES)}.")] = "",
    json: AsJson = False,
) -> None:
    """List the drafts one may see, newest first."""
    from earthcommons.commons.stories.drafts import drafts

    if state and state not in _STATES:
        raise InvalidInputError(f"state {state[:40]!r}: one of {', '.join(_STATES)}")
    found = drafts(opened(node), state)
    if json:
        show(found)
        return
    rows = [
        (
            d["id"],
            d["state"],
            f"{d['collection']}/{d['item']}",
            d["author"],
            d["events"][-1]["at"],
        )
        for d in found
    ]
    table(("draft", "state", "item", "author", "since"), rows)


@app.command("show")
def show_draft(id_: Id, node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """Show a draft: what it holds, what it lacks, what was said."""
    from earthcommons.commons.stories.drafts import get_draft

    _tell(get_draft(opened(node), id_), json)


@app.command("edit")
def edit(
    id_: Id,
    metadata: Annotated[Path, typer.Option(help="TOML file; parts it names are replaced.")],
    node: NodeDir = DEFAULT_NODE,
    json: AsJson = False,
) -> None:
    """Change parts of the metadata."""
    from earthcommons.commons.stories.submitting import edit_draft

    _tell(edit_draft(opened(node), id_, _metadata(metadata)), json)


@app.command("attach")
def attach(
    id_: Id, files: list[Path], node: NodeDir = DEFAULT_NODE, json: AsJson = False
) -> None:
    """Attach files and look into them."""
    from earthcommons.commons.stories.publishing import look_into
    from earthcommons.commons.stories.submitting import add_file, check_names

    at = opened(node)
    check_names(file.name for file in files)
    for file in files:
        add_file(at, id_, file, file.name)
    _tell(look_into(at, id_), json)


@app.command("submit")
def submit(id_: Id, node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """Hand the draft to the reviewers."""
    from earthcommons.commons.stories import submitting

    _tell(submitting.submit(opened(node), id_), json)


@app.command("comment")
def comment(
    id_: Id,
    text: Say,
    node: NodeDir = DEFAULT_NODE,
    field: Annotated[
        str, typer.Option(help="Field it is about, as `draft show` names it.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Say something about a draft."""
    from earthcommons.commons.stories import reviewing

    _tell(reviewing.comment(opened(node), id_, text, field), json)


@app.command("changes")
def changes(id_: Id, text: Say, node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """Give a submitted draft back, saying what to change."""
    from earthcommons.commons.stories.reviewing import ask_for_changes

    _tell(ask_for_changes(opened(node), id_, text), json)


@app.command("decline")
def decline(id_: Id, text: Say, node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """End a submission without publishing it, saying why."""
    from earthcommons.commons.stories import reviewing

    _tell(reviewing.decline(opened(node), id_, text), json)


@app.command("accept")
def accept(id_: Id, node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """Publish a submitted draft with the rule it asks for."""
    from earthcommons.commons.stories import publishing

    _tell(publishing.accept(opened(node), id_), json)


@app.command("withdraw")
def withdraw(id_: Id, node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """Take back a draft that is not published."""
    from earthcommons.commons.stories.submitting import withdraw_draft

    _tell(withdraw_draft(opened(node), id_), json)


def cite(
    name: Annotated[str, typer.Argument(help="collection/item")],
    node: NodeDir = DEFAULT_NODE,
    style: Annotated[str, typer.Option(help="text, bibtex, ris or csl.")] = "text",
    version: Annotated[int, typer.Option(help="Which version; 0 for the present one.")] = 0,
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
) -> None:
    """Print how to cite an item."""
    from earthcommons.commons.stories.citing import cite_item

    if lang not in ("en", "zh"):
        raise InvalidInputError(f"language {lang[:20]!r}: one of en, zh")
    at = opened(node)
    print(cite_item(at, name, style, version or None, lang).rstrip("\n"))
    if not at.settings.base_url:
        print(
            f"earthcommons: {at.settings.url} opens on this machine only: set base_url in "
            "node.toml before others cite it",
            file=sys.stderr,
        )


def _metadata(file: Path | None) -> dict[str, Any]:
    """Return the metadata a TOML file states; `[[variable]]` and `[[creator]]` as tables."""
    from earthcommons.commons.declarations import read_toml
    from earthcommons.commons.stories.drafts import METADATA

    if file is None:
        return {}
    row = read_toml(file)
    for one, many in (("variable", "variables"), ("creator", "creators")):
        if one in row:
            row[many] = row.pop(one)
    unknown = sorted(set(row) - set(METADATA))
    if unknown:
        raise InvalidInputError(
            f"{file.name}: no part {unknown[0]!r}; there are {', '.join(METADATA)}"
        )
    return row


def _tell(draft: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show(draft)
        return
    print(f"{draft['id']}  {draft['collection']}/{draft['item']}  {draft['state']}")
    published = draft["state"] == "published"
    if published:
        last = next(each for each in reversed(draft["events"]) if each["what"] == "published")
        print(f"  published   {last['item']} version {last['version']}")
    for file in draft["files"]:
        other = f"  in place of another, {file['replaced'][:12]}…" if "replaced" in file else ""
        print(
            f"  file        {file['name']}  {file['size']} bytes  sha256 {file['sha256'][:12]}…"
            f"{other}"
        )
    if seen := draft.get("seen"):
        box = " ".join(f"{edge:g}" for edge in seen.get("bbox") or ())
        parts = (seen.get("format"), seen.get("crs"), box, seen.get("variables"))
        print(f"  seen        {' · '.join(_plain(each) for each in parts if each)}")
    for name, value in [*draft["metadata"].items(), ("rule", draft["rule"])]:
        print(f"  {name:11s} {_plain(value)}")
    for lack in draft["lacks"] if not published else ():
        print(f"  {lack['level']:11s} {lack['text']['en']} ({', '.join(lack['standards'])})")
    for said in draft["comments"]:
        about = f" on {_plain(said['field'])}" if said["field"] else ""
        print(f"  {said['by']}{about}: {_plain(said['text'])}")


def _plain(value: Any) -> str:
    """Return a part of a draft on one line, without the marks of JSON."""
    if isinstance(value, dict):
        if "name" in value:
            unit = f"[{value['unit']}]" if value.get("unit") else ""
            more = value.get("meaning") or value.get("email") or ""
            return _plain(f"{value['name']} {unit} {more}")
        return " · ".join(f"{key}: {_plain(each)}" for key, each in value.items() if each)
    if isinstance(value, list):
        return "; ".join(_plain(each) for each in value)
    # Others wrote it: nothing in it may move the cursor of a terminal.
    return "".join(char for char in " ".join(str(value).split()) if char.isprintable())
