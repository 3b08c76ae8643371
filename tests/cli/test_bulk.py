"""Many items in and out by command: what is said, also when it is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.commons.stories.test_bulk import item, lines, node_at

from earthcommons.catalog import ItemQuery
from earthcommons.commons.stories import bulk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def test_who_ends_an_import_is_told_what_is_in_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Any
) -> None:
    node = node_at(tmp_path / "n")
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(9)])
    command = ("bulk", "import", source, "--node", node.root)
    import_items = bulk.import_items

    def ended(*given: Any, on_progress: Callable[[int], None], **more: Any) -> None:
        def tell(done: int) -> None:
            on_progress(done)
            if done == 4:
                raise KeyboardInterrupt

        import_items(*given, on_progress=tell, batch=2, **more)

    with monkeypatch.context() as patch:
        patch.setattr(bulk, "import_items", ended)
        said = cli(*command)
    assert said.code == 130
    assert "ended: 4 items of the file are in; run it again for the rest" in said.err
    assert node.catalog.items(ItemQuery()).matched == 4
    assert cli(*command).out == "5 added, 0 replaced, 4 unchanged\n"
