"""Words of the catalogue: the test of a row says what FTS5 says, and the best match comes first."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.catalog.folding import TOKENIZER, fold
from earthcommons.catalog.schema import SCHEMA
from earthcommons.catalog.text import (
    best_first,
    expression_of,
    index_text,
    terms_of,
    text_test,
)
from earthcommons.errors import InvalidInputError
from earthcommons.model import Record

# Letters with case and accents, marks that combine, Chinese in and beyond the first block, what
# lies between words, and digits of other scripts.
ODD = "aAbzZéÉßıİÅå\u0301\u0308ﬁΣςσЖжñ湖泊变化\u3400\uf900𠀀٣९²½_-'’.,;/()[]{}~`^ \t\n1290"
TEXT = st.one_of(
    st.text(st.sampled_from(ODD), max_size=14),
    st.text(max_size=10),
    st.lists(st.sampled_from(["lake", "lakes", "Lake-Chad", "sentinel-2", "2A", "é", "湖泊变"]),
             max_size=4).map(" ".join),
)  # fmt: skip


def test_the_tokenizer_that_is_copied_is_the_one_of_the_index() -> None:
    assert f'tokenize = "{TOKENIZER}"' in SCHEMA


@settings(max_examples=600, deadline=None)
@given(title=TEXT, asked=TEXT)
def test_a_row_holds_the_words_exactly_when_fts5_finds_it(title: str, asked: str) -> None:
    if any("\ud800" <= c <= "\udfff" for c in title + asked):
        return
    row = index_text(Record("item", "a/b", {"properties": {"title": title}}))
    try:
        terms = terms_of(asked)
    except InvalidInputError:
        return
    with closing(sqlite3.connect(":memory:")) as scratch:
        scratch.execute(f'CREATE VIRTUAL TABLE w USING fts5 (text, tokenize = "{TOKENIZER}")')
        scratch.execute("INSERT INTO w VALUES (?)", (row,))
        found = scratch.execute(
            "SELECT count(*) FROM w WHERE w MATCH ?", (expression_of(terms),)
        )
        assert text_test(terms)(row) == bool(found.fetchone()[0])


@pytest.mark.parametrize(
    ("asked", "title", "held"),
    [
        ("riv", "A river", True),
        ("iver", "A river", False),
        ("RIVIÈRE", "la riviere", True),
        ("sentinel-2", "Sentinel 2A scene", True),
        ("sentinel-2", "2 sentinels", False),
        ("泊变", "湖泊变化", True),
        ("湖变", "湖泊变化", False),
        ("湖", "湖泊变化", True),
        ("化", "湖泊变化", True),
        ("泊变化湖", "湖泊变化湖泊", True),
        ("化化", "湖泊变化", False),
        ("变化 湖泊", "湖泊变化", True),
        ("no", "north", False),
        ("forest, lake", "lake of the woods", True),
        ("forest lake", "lake of the woods", False),
    ],
)
def test_words_are_found_where_they_begin_and_next_to_each_other(
    asked: str, title: str, held: bool
) -> None:
    row = index_text(Record("item", "a/b", {"properties": {"title": title}}))
    assert text_test(terms_of(asked))(row) is held


def test_a_text_is_folded_as_the_index_folds_it() -> None:
    assert fold("Ångström – ÉTÉ 湖泊") == "angstrom   ete 湖泊"
    assert not text_test(terms_of("lake"))(None)


@pytest.mark.parametrize("text", ["x" * 201, "", " , ,", "!?"])
def test_a_text_too_long_or_without_a_word_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        terms_of(text)


def test_the_text_that_says_it_most_in_the_fewest_words_comes_first() -> None:
    texts = ["a lake in a long text of many other words", "lake lake", "a lake", "no water"]
    assert best_first(texts, terms_of("lake")) == [1, 2, 0, 3]
    # A rare word weighs more than one that most have.
    assert best_first(["lake x", "lake y", "lake z", "reed x"], terms_of("lake, reed"))[0] == 3
    assert best_first([], terms_of("lake")) == []
