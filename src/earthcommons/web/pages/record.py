"""The page of one record: what it is, who may have it, its versions, how to read and cite it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.commons.stories.citing import cite_item
from earthcommons.commons.stories.marks import errata_of
from earthcommons.errors import CommonsError, GoneError, InvalidInputError, NotFoundError
from earthcommons.policy import OPEN, acting_party, combine, decide, moment
from earthcommons.render.citation import STYLES
from earthcommons.web.pages.footprints import coastlines, footprint, footprint_words
from earthcommons.web.pages.forms import see_other
from earthcommons.web.pages.preview import preview
from earthcommons.web.pages.reading import reading
from earthcommons.web.pages.rules import condition_words, conditions_of, label_words
from earthcommons.web.pages.uses import used_by
from earthcommons.web.pages.view import file_view, size_text
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from earthcommons.catalog.history import Version
    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row
    from earthcommons.web.words import Words

__all__ = ["add_to", "may_manage", "title_of"]

_WITHHELD = "ec:withheld"
_DONE = (
    "accepted", "rule-set", "erratum", "licence-accepted", "withdrawn", "recalled",
)  # fmt: skip


def add_to(router: APIRouter, site: Site) -> None:
    """Add the page of a record."""

    @router.get("/{lang:lang}/data/{collection}/{item}")
    def record(request: Request, lang: str, collection: str, item: str) -> Response:
        values = known(request, ("version", "as_of", "done"))
        name = f"{collection}/{item}"
        try:
            return _record(site, request, lang, name, values)
        except GoneError as gone:
            return _tombstone(site, request, lang, name, gone.stub)


def title_of(item: Row, words: Words) -> str:
    """Return what an item is called in the language of a page; its id where it has no title."""
    facts = item.get("properties", {})
    if words.lang == "zh" and facts.get("title_zh"):
        return str(facts["title_zh"])
    return str(facts.get("title") or item["id"])


def may_manage(site: Site, name: str) -> bool:
    """Return whether who asks cares for an item: its steward's tools are shown then."""
    standing = site.catalog.standing("item", name)
    find, owner = standing.faces.find, standing.owner
    return decide(acting_party(), "manage", find, owner=owner, at=moment()).allowed


def _record(
    site: Site, request: Request, lang: str, name: str, values: dict[str, str]
) -> Response:
    words = site.words[lang]
    body = site.catalog.get("item", name)
    listed = site.catalog.versions("item", name)
    here = f"/{lang}/data/{name}"
    if day := values.get("as_of"):
        return see_other(f"{here}?version={_in_force(listed, day)}")
    past = _past(site, name, values.get("version", ""), listed)
    if past is not None:
        body = site.catalog.past("item", name, past)
    facts = body["properties"]
    collection, _, item = name.partition("/")
    standing = site.catalog.standing("item", name)
    mine = may_manage(site, name)
    stac = f"/stac/collections/{collection}/items/{item}"
    number = past or standing.version
    box = body.get("bbox") or ()
    contact = facts.get("ec:contact") or {}
    notes = _errata(site, name, words)
    return site.page(
        request,
        lang,
        "record.html",
        title=title_of(body, words),
        nav="data",
        links=[
            (stac, "application/geo+json", "STAC"),
            (f"/api/records/item/{name}/versions", "application/json", words["versions"]),
        ],
        trail=[
            (f"/{lang}/data", words["data_title"]),
            (f"/{lang}/data?collection={collection}", _collection(site, collection, words)),
        ],
        name=name,
        when=words.when(facts["ec:period"]) if facts.get("ec:period") else _dates(facts),
        nature=words.kind(facts["ec:nature"]) if facts.get("ec:nature") else "",
        about=_about(facts, lang),
        attribution=str(facts.get("ec:attribution") or ""),
        lineage=str(facts.get("processing:lineage") or ""),
        contact={key: str(contact.get(key, "")) for key in ("name", "email")},
        licence_url=_web_address(facts.get("ec:licence_url")),
        licence=str(facts.get("ec:licence_name") or facts.get("license") or ""),
        keywords=[str(word) for word in facts.get("keywords") or ()],
        footprint=footprint(box),
        land=coastlines(site) if box else "",
        footprint_alt=footprint_words(box, words),
        preview=preview(site, lang, name, body) if past is None else None,
        files=_files(site, name, body, words, mine=mine),
        variables=_variables(body),
        reading=reading(
            body,
            site.node.settings.url,
            guarded=_guarded(standing.faces.find, body, site, name),
            lang=lang,
        ),
        number=number,
        past=past,
        latest=standing.version,
        versions=[_version(each, here, number) for each in reversed(listed)],
        errata=[note for note in notes if note["version"] == number],
        older_errata=[note for note in notes if note["version"] != number],
        recalls=_recalls(site, name, words),
        cites=_cites(site, name, past, lang),
        used=used_by(site, lang, name),
        providers=[file_view(file) for file in facts.get("ec:providers_files") or ()],
        found_by=label_words(words, standing.faces.find, named=mine),
        closed=standing.faces.find != OPEN,
        mine=mine,
        may_submit=_may_submit(site, name),
        tools=f"{here}/",
        rule=_rule_words(site, name, words) if mine else [],
        owner=standing.owner,
        done=words[f"done_{values['done']}"] if values.get("done") in _DONE else "",
    )


def _tombstone(
    site: Site, request: Request, lang: str, name: str, stub: dict[str, Any]
) -> Response:
    words = site.words[lang]
    collection = name.partition("/")[0]
    successor = str(stub.get("successor", ""))
    after = site.item(successor) if successor else None
    owner, label = site.catalog.tombstone_of("item", name)
    allowed = decide(acting_party(), "withdraw", label, owner=owner, at=moment()).allowed
    return site.page(
        request,
        lang,
        "tombstone.html",
        title=words("gone_title", name=name),
        status=410,
        nav="data",
        links=[
            (f"/api/records/item/{name}/versions", "application/json", words["versions"]),
        ],
        trail=[
            (f"/{lang}/data", words["data_title"]),
            (f"/{lang}/data?collection={collection}", _collection(site, collection, words)),
        ],
        name=name,
        stub=stub,
        day=str(stub.get("withdrawn", ""))[:10],
        reason=words.kind(f"reason-{stub.get('reason', '')}"),
        signer=signer(site, words, stub),
        successor=successor,
        successor_title=title_of(after, words) if after else successor,
        versions=[
            _version(each, "", 0) for each in reversed(site.catalog.versions("item", name))
        ],
        errata=_errata(site, name, words),
        recalls=_recalls(site, name, words),
        mine=allowed,
        tools=f"/{lang}/data/{name}/",
        done=words["done_withdrawn"] if request.query_params.get("done") else "",
    )


def _past(site: Site, name: str, text: str, listed: Sequence[Version]) -> int | None:
    """Return the past version asked for, or None for the present one."""
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise InvalidInputError(f"version {text[:20]!r} is no number")
    if int(text) not in {each.version for each in listed}:
        raise NotFoundError(f"{name} has no version {text}")
    return None if int(text) == site.catalog.standing("item", name).version else int(text)


def _in_force(listed: Sequence[Version], day: str) -> int:
    """Return the version that was in force at the end of a day."""
    try:
        last = date.fromisoformat(day).isoformat() + "T23:59:59Z"
    except ValueError as error:
        raise InvalidInputError(f"{day[:20]!r} is no date: write 2026-01-31") from error
    before = [each for each in listed if each.made and each.made <= last]
    if not before:
        raise NotFoundError(f"nothing was published under this name on {day}")
    return before[-1].version


def _web_address(text: object) -> str:
    """Return an address that may be a link; what a provider wrote need not be one."""
    return text if isinstance(text, str) and text.startswith(("https://", "http://")) else ""


def _dates(facts: Row) -> str:
    first = str(facts.get("start_datetime") or facts.get("datetime") or "")[:10]
    last = str(facts.get("end_datetime") or "")[:10]
    return f"{first} \u2013 {last}" if last and last != first else first


def _about(facts: Row, lang: str) -> str:
    other = facts.get("description_zh") if lang == "zh" else ""
    return str(other or facts.get("description") or "")


def _collection(site: Site, name: str, words: Words) -> str:
    try:
        body = site.catalog.get("collection", name)
    except NotFoundError:
        return name
    other = body.get("title_zh") if words.lang == "zh" else ""
    return str(other or body.get("title") or name)


def _files(
    site: Site, name: str, body: Row, words: Words, *, mine: bool
) -> list[dict[str, Any]]:
    """Return the files with who may have them, those withheld with what to do to get them."""
    fetch = site.catalog.standing("item", name).faces.fetch
    shown = [_file(key, asset, words) for key, asset in body["assets"].items()]
    for file, asset in zip(shown, body["assets"].values(), strict=True):
        label = combine(fetch, asset.get("ec:access", OPEN))
        file["who"] = label_words(words, label, named=mine)
        file["steps"] = []
    told: list[list[dict[str, str]]] = []
    for key, conditions in (body.get(_WITHHELD) or {}).items():
        steps = list(_steps(conditions, words))
        shown.append(
            {
                "key": _known_as(key, words),
                "href": "",
                "type": "",
                "size": "",
                "sha256": "",
                "zarr": False,
                "who": condition_words(words, conditions),
                # What opens one file opens all that ask for the same: it is said once.
                "steps": [] if steps in told else steps,
            }
        )
        told.append(steps)
    return shown


def _steps(conditions: Iterable[str], words: Words) -> Iterable[dict[str, str]]:
    """Yield what to do about each condition that who asks does not meet."""
    party = acting_party()
    signed = party.registered
    if not signed:
        yield {"what": "sign-in", "text": words["step_sign_in"]}
    for condition in conditions:
        name, _, value = condition.partition(":")
        if name == "licence" and value not in party.licences and signed:
            yield {"what": "licence", "licence": value, "text": ""}
        elif name == "after" and value > moment().strftime("%Y-%m-%dT%H:%M:%SZ"):
            yield {"what": "wait", "text": words("step_wait", day=value[:10])}
        elif name in ("group", "account", "steward") and signed:
            yield {"what": "ask", "text": words["step_ask"]}


def _file(key: str, asset: Row, words: Words) -> dict[str, Any]:
    kind = str(asset.get("type", ""))
    return {
        "key": _known_as(key, words),
        "href": asset.get("href", ""),
        "zarr": "zarr" in kind,
        "type": kind.split(";")[0],
        "size": size_text(asset["file:size"]) if "file:size" in asset else "",
        "sha256": asset["file:checksum"][4:] if "file:checksum" in asset else "",
    }


def _known_as(key: str, words: Words) -> str:
    return {"data": words["data_file"], "source": words["source_file"]}.get(key, key)


def _guarded(find: str, body: Row, site: Site, name: str) -> bool:
    """Return whether who has no account cannot read the data's bytes."""
    fetch = site.catalog.standing("item", name).faces.fetch
    asset = body["assets"].get("data", {})
    return bool(conditions_of(combine(find, fetch, asset.get("ec:access", OPEN)), named=False))


def _variables(item: Row) -> list[dict[str, str]]:
    asset = item["assets"].get("data", {})
    found = asset.get("bands") or item["properties"].get("table:columns")
    return [
        {
            "name": str(band.get("name", "")),
            "unit": str(band.get("unit", "")),
            "about": str(band.get("description", "")),
        }
        for band in found or asset.get("table:columns") or ()
    ]


def _version(each: Version, here: str, number: int) -> dict[str, Any]:
    return {
        "number": each.version,
        "made": each.made,
        "day": each.made[:10],
        "digest": each.digest,
        "state": each.state,
        "href": f"{here}?version={each.version}" if here and each.state != "withdrawn" else "",
        "here": each.version == number,
    }


def _errata(site: Site, name: str, words: Words) -> list[dict[str, Any]]:
    return [
        {
            "day": note["made"][:10],
            "version": note["about"]["version"],
            "text": words.of(note["text"]),
            "signer": signer(site, words, note),
        }
        for note in errata_of(site.node, "item", name)
    ]


def signer(site: Site, words: Words, notice: Row) -> str:
    """Return who did it, as far as the reader is told: the account, else the group it is of."""
    if notice.get("by"):
        return str(notice["by"])
    try:
        group = site.catalog.people.group(str(notice.get("publisher", "")))
    except NotFoundError:
        return words["node_operators"]
    return words.of({"en": group.title_en, "zh": group.title_zh})


def _recalls(site: Site, name: str, words: Words) -> list[dict[str, Any]]:
    """Return the recalls of the record that one may see, newest first."""
    found = []
    for link in site.catalog.links_to("item", name):
        if link.rel != "recalls-from":
            continue
        try:
            body = site.catalog.get("recall", link.id)
        except NotFoundError:
            continue
        found.append(
            {
                "href": f"/{words.lang}/recalls/{body['id']}",
                "made": body["made"],
                "day": body["made"][:10],
                "reason": body["reason"],
                "version": body["about"]["version"],
                "count": len(body["touched"]),
            }
        )
    return sorted(found, key=lambda each: str(each["made"]), reverse=True)


def _cites(site: Site, name: str, version: int | None, lang: str) -> list[dict[str, str]]:
    """Return the citation in each style, with the address that gives it alone."""
    chosen = f"&version={version}" if version else ""
    labels = {"text": "", "bibtex": "BibTeX", "ris": "RIS", "csl": "CSL-JSON"}
    found = []
    for style in STYLES:
        try:
            text = cite_item(site.node, name, style, version, lang)
        except CommonsError:
            continue
        address = f"/api/citation/{name}?style={style}&lang={lang}{chosen}"
        ending = {"text": "txt", "bibtex": "bib", "ris": "ris", "csl": "json"}[style]
        file = f"{name.replace('/', '-')}.{ending}"
        found.append(
            {
                "style": style,
                "label": labels[style],
                "text": text.strip(),
                "href": address,
                "file": file,
            }
        )
    return found


def _may_submit(site: Site, name: str) -> bool:
    standing = site.catalog.standing("item", name)
    find, owner = standing.faces.find, standing.owner
    return decide(acting_party(), "submit", find, owner=owner, at=moment()).allowed


def _rule_words(site: Site, name: str, words: Words) -> list[str]:
    faces = site.catalog.standing("item", name).faces
    return [
        words("rule_is_find", who=label_words(words, faces.find)),
        words("rule_is_fetch", who=label_words(words, combine(faces.find, faces.fetch))),
        words("rule_is_derive", who=label_words(words, combine(faces.find, faces.derive))),
    ]
