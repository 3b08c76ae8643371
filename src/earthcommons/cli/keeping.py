"""Commands that keep a node: scrub, collect, backup, restore, migrate, package."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show
from earthcommons.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from earthcommons.store import ObjectStore

__all__ = ["add_to"]

package_app = typer.Typer(
    no_args_is_help=True, help="Items as BagIt bags or RO-Crates, out and in."
)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (scrub, collect, backup, restore, migrate):
        app.command()(command)
    package_app.command("export")(package_export)
    package_app.command("import")(package_import)
    app.add_typer(package_app, name="package")


def scrub(
    node: NodeDir = DEFAULT_NODE,
    repair: Annotated[
        bool, typer.Option("--repair", help="Put good copies in the place of damaged objects.")
    ] = False,
    source: Annotated[
        str,
        typer.Option(
            "--from", help="Where copies are: a node's folder, a backup, s3://bucket/prefix."
        ),
    ] = "",
    before: Annotated[
        str, typer.Option("--since", help="Only objects not read since this date or time.")
    ] = "",
    sample: Annotated[int, typer.Option(help="Read one object in so many.")] = 1,
    limit_bytes: Annotated[
        int, typer.Option(help="Stop after so many bytes; 0 reads all.")
    ] = 0,
    json: AsJson = False,
) -> None:
    """Read objects and compare each with its digest; the damaged are not served any more."""
    from earthcommons.commons.stories.fixity import ScrubPlan
    from earthcommons.commons.stories.fixity import scrub as read_again

    if repair != bool(source):
        raise InvalidInputError("--repair and --from PLACE go together")
    at = opened(node)
    plan = ScrubPlan(_time(before), sample, limit_bytes or None)
    copies = _copies(source, at.root) if source else None

    def tell(number: int, total: int, _: str) -> None:
        if number and number % 1000 == 0:
            typer.echo(f"{number} of {total}", err=True)

    done = read_again(at, plan, copies=copies, tell=tell)
    if json:
        show(done.as_json())
    else:
        for what in ("damaged", "missing", "repaired"):
            for key in getattr(done, what):
                print(f"{what}  {key}")
        left = f", {done.left} left for the next scrub" if done.left else ""
        print(
            f"{done.read} objects read ({done.bytes} bytes), {len(done.damaged)} damaged,"
            f" {len(done.missing)} missing, {len(done.repaired)} repaired{left}"
        )
    if not done.sound:
        first = (done.damaged + done.missing)[0]
        raise IntegrityError(
            first,
            expected=first.split(".")[0],
            found=f"other bytes or none; in all {len(done.damaged)} damaged, {len(done.missing)} "
            "missing: `scrub --repair --from PLACE` puts good copies in their place",
        )


def collect(
    node: NodeDir = DEFAULT_NODE,
    days: Annotated[
        float, typer.Option(help="Only what was stored longer ago than so many days.")
    ] = 7.0,
    delete: Annotated[bool, typer.Option("--delete", help="Remove it; else list it.")] = False,
    json: AsJson = False,
) -> None:
    """List or remove objects that no record, draft or upload needs, and what kills left behind."""
    from earthcommons.commons.stories.collecting import collect as look_for

    done = look_for(opened(node), grace=timedelta(days=days), remove=delete)
    if json:
        show(done.as_json())
        return
    for key, size in done.objects.items():
        print(f"{key}  {size} bytes")
    for name in done.leftovers:
        print(name)
    total = sum(done.objects.values())
    word = "removed" if delete else "not needed"
    print(
        f"{len(done.objects)} objects ({total} bytes), {len(done.leftovers)} leftovers,"
        f" {done.uploads} uploads that expired: {word}"
        + ("" if delete else "; `--delete` removes them")
    )


def backup(
    place: Annotated[Path, typer.Argument(help="Folder, or a file whose name ends in .tar.")],
    node: NodeDir = DEFAULT_NODE,
    link: Annotated[
        bool, typer.Option("--link", help="Link the bytes instead of copying them.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read again what earlier backups copied.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Back up a node while it is in use; into the same folder, only what is new is copied."""
    from earthcommons.commons.node import unopened
    from earthcommons.commons.stories.backup import backup as back_up

    # Before a migration the catalogue is of an earlier schema, and then it matters most.
    done = back_up(unopened(node), place, link=link, verify=verify)
    if json:
        show(done.as_json())
    else:
        print(
            f"{done.place}: snapshot {done.snapshot}, {done.objects} objects,"
            f" {done.copied} of them new ({done.bytes} bytes),"
            f" audit log to {done.audit_head or 'nothing: there is none'}"
        )
    if done.damaged:
        first = done.damaged[0]
        raise IntegrityError(
            first,
            expected=first.split(".")[0],
            found=f"other bytes; damaged and left out of the backup: {len(done.damaged)}",
        )
    if done.audit_lost:
        raise IntegrityError(
            "audit log",
            expected="of a line that the backup before this holds",
            found=f"another log, backed up all the same ({done.audit_lost})",
        )


def restore(
    place: Annotated[Path, typer.Argument(help="A backup: folder or .tar file.")],
    folder: Annotated[Path, typer.Argument(help="Empty folder for the node.")],
    snapshot: Annotated[str, typer.Option(help="Which one; the newest without it.")] = "",
    without_damaged: Annotated[
        bool, typer.Option("--without-damaged", help="Leave damaged objects out.")
    ] = False,
) -> None:
    """Restore a backup into an empty folder; every byte is compared before it is used."""
    from earthcommons.commons.stories.restoring import restore as put_back

    done = put_back(place, folder, snapshot, without_damaged=without_damaged)
    print(
        f"{done.root}: snapshot {done.snapshot}, {done.objects} objects and {done.files} files"
        f" verified, change log to {done.changes}"
    )
    for key in done.without:
        print(f"left out  {key}")
    if done.audit:
        print(f"restored all the same  {done.audit}")


def migrate(
    node: NodeDir = DEFAULT_NODE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build and compare, then change nothing.")
    ] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Delete the catalogue kept by a migration.")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Put the kept catalogue back in place.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Bring a node of an earlier program to this one; the old catalogue is kept beside."""
    from earthcommons.commons.stories import migrating

    if dry_run + confirm + rollback > 1:
        raise InvalidInputError("one of --dry-run, --confirm and --rollback")
    if confirm:
        names = migrating.confirm(node)
        print(f"deleted {', '.join(names)}" if names else "nothing is kept")
        return
    if rollback:
        print(f"catalogue of schema {migrating.roll_back(node)} is in place again")
        return
    done = migrating.migrate(node, dry_run=dry_run)
    if json:
        show(done.as_json())
    elif done.before == done.after:
        print(f"schema {done.after}: nothing to migrate")
    elif dry_run:
        print(
            f"schema {done.before} to {done.after}: {done.records} records would do;"
            " nothing was changed"
        )
    else:
        print(
            f"schema {done.before} to {done.after}: {done.records} records;"
            f" the old catalogue is kept as {done.kept} until `migrate --confirm`"
        )


def package_export(
    name: Annotated[str, typer.Argument(help="An item (collection/item) or a collection.")],
    form: Annotated[
        str, typer.Option("--as", help="bagit, ro-crate or ro-crate-1.2.")
    ] = "bagit",
    out: Annotated[
        Path | None, typer.Option(help="Folder to make, or a file that ends in .zip.")
    ] = None,
    node: NodeDir = DEFAULT_NODE,
    json: AsJson = False,
) -> None:
    """Write items with their bytes, evidence, licence and checksums as one package."""
    from typing import cast

    from earthcommons.commons.stories.packages import PackageForm
    from earthcommons.commons.stories.packages import package as pack
    from earthcommons.policy import acting_party

    place = out or Path(f"{name.replace('/', '_')}.zip")
    at = opened(node)
    done = pack(at, name, cast("PackageForm", form), place, acting_party())
    if json:
        show({"place": str(done.place), "items": done.items, "runs": done.runs})
        return
    print(
        f"{done.place}: {len(done.items)} items, {len(done.runs)} runs, {done.files} files,"
        f" {done.bytes} bytes"
    )


def package_import(
    place: Annotated[Path, typer.Argument(help="A bag or crate: folder or .zip file.")],
    node: NodeDir = DEFAULT_NODE,
    json: AsJson = False,
) -> None:
    """Publish what a package holds, after every digest of it was compared."""
    from earthcommons.commons.stories.unpacking import import_package

    done = import_package(opened(node), place)
    if json:
        show({"items": done.items, "runs": done.runs, "left_out": done.left_out})
        return
    for name, digest, state in done.items:
        print(f"{state}  {name}  {digest}")
    for run in done.runs:
        print(f"evidence  {run}")
    for run, reason in done.left_out:
        print(f"left out  {run}: {reason}")


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(f"--since {text[:40]!r}: need 2026-01-31 or a time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _copies(source: str, root: Path) -> ObjectStore:
    if source.startswith("s3://"):
        from earthcommons.commons.node import open_bucket
        from earthcommons.settings import read_settings

        settings = read_settings(root)
        return open_bucket(
            source, settings.store_endpoint, root / "tmp" / "copies", settings.store_cache_bytes
        )
    from earthcommons.commons.stories.fixity import copies_at

    return copies_at(Path(source))
