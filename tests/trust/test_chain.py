"""The chain: whatever is done to a row shows at that row."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from earthcommons.trust import ChainLink, extend, first_break
from earthcommons.trust.chain import GENESIS


def chain(rows: list[dict[str, int]]) -> list[ChainLink]:
    links, head = [], GENESIS
    for seq, row in enumerate(rows, start=1):
        head = extend(head, row)
        links.append(ChainLink(seq, row, head))
    return links


def test_the_first_digest_is_that_of_zeros_and_the_canonical_row() -> None:
    assert (
        extend(GENESIS, {"b": 1, "a": 2})
        == hashlib.sha256(bytes(32) + b'{"a":2,"b":1}').hexdigest()
    )


rows = st.lists(st.fixed_dictionaries({"v": st.integers(0, 9)}), min_size=1, max_size=8)


@given(rows)
def test_an_untouched_chain_is_whole(found: list[dict[str, int]]) -> None:
    assert first_break(chain(found)) is None


@given(rows, st.data())
def test_an_edited_row_is_named(found: list[dict[str, int]], data: st.DataObject) -> None:
    links = chain(found)
    n = data.draw(st.integers(0, len(links) - 1))
    links[n] = ChainLink(n + 1, {"v": links[n].row["v"] + 10}, links[n].digest)
    assert first_break(links) == n + 1


@given(rows, st.data())
def test_a_removed_row_is_named_and_only_the_tail_can_go_unseen(
    found: list[dict[str, int]], data: st.DataObject
) -> None:
    links = chain(found)
    n = data.draw(st.integers(0, len(links) - 1))
    del links[n]
    assert first_break(links) == (n + 1 if n < len(links) else None)
