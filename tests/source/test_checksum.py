"""Checksums: formatting leaves no trace, everything that means something does (behaviour, §2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pglast import parser

from stonegate.model.tokens import NotLexable, canonical_body, canonical_form, lex, same_body
from stonegate.source.checksum import checksum

FUNCTION = """
CREATE OR REPLACE FUNCTION Greet(p_name TEXT DEFAULT 'You') RETURNS text AS $$
BEGIN
    RETURN 'Hello -- ' || p_name || "Suffix"; -- a comment
END;
$$ LANGUAGE plpgsql
"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 1", "select   1 -- x"),
        ("SELECT a+b", "select a + b"),
        ("SELECT a=-1", "select a = - 1"),
        ("CREATE TABLE t(a int)", "create /* x /* nested */ */ table T\n(\nA INT\n)"),
        (FUNCTION, FUNCTION.replace("BEGIN", "begin").replace("-- a comment", "/* other */")),
        (FUNCTION, FUNCTION.replace("$$", "$body$")),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT ''a'''",
            "create function f() returns int language sql as $$select 'a'$$",
        ),
        ("DO $$ BEGIN NULL; END $$", "do $x$begin null;end$x$"),
        ("select E'a'", "select e'a'"),
    ],
)
def test_formatting_leaves_no_trace(one: str, other: str) -> None:
    assert checksum(one) == checksum(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 'Admin'", "SELECT 'admin'"),
        ("SELECT 'a -- b'", "SELECT 'a'"),
        ("SELECT 'a /* b */'", "SELECT 'a '"),
        ('SELECT * FROM "Foo"', "SELECT * FROM foo"),
        ("CREATE TABLE É ()", "CREATE TABLE é ()"),
        ("CREATE TABLE t (a int DEFAULT 1)", "CREATE TABLE t (a int DEFAULT 2)"),
        ("SELECT 1 /*+ SeqScan(t) */", "SELECT 1"),
        ("SELECT a @- b", "SELECT a @ -b"),
        ("SELECT 'it''s'", "SELECT 'its'"),
        (FUNCTION, FUNCTION.replace("Hello", "hello")),
        (FUNCTION, FUNCTION.replace('"Suffix"', '"suffix"')),
        (FUNCTION, FUNCTION.replace("|| p_name", "|| upper(p_name)")),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$ return  1 $$",
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$ return 1 $$",
        ),
    ],
)
def test_what_means_something_counts(one: str, other: str) -> None:
    assert checksum(one) != checksum(other)


def test_a_parameter_may_be_called_language() -> None:
    sql = "create function f(language text) returns int as $$ SELECT 1 $$ language sql"
    assert canonical_form(sql) == "create function f ( language text ) returns int as $$select 1$$ language sql"


def test_bodies_that_have_no_tokens_are_compared_as_they_are() -> None:
    assert canonical_body("plpgsql", "begin  x := 'open") == "begin  x := 'open"
    assert not same_body("plpgsql", "begin  'open", "begin 'open")
    assert same_body("PLPGSQL", "BEGIN NULL; END", "begin\n null; -- x\nend")
    assert not same_body("plpython3u", "return 1", "return  1")


def test_text_that_has_no_tokens_is_its_own_form() -> None:
    assert canonical_form("SELECT 'open") == "SELECT 'open"
    with pytest.raises(NotLexable):
        lex(b"select \\x")


# --- properties ------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["select", "Foo", "é", "_a$1", "update", "Zürich", "x"])
LITERALS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="'\0\\"), max_size=8).map(lambda text: f"'{text}'"),
    st.sampled_from(
        ["'it''s'", "'--'", "'/*'", "$$ a 'b' $$", "$t$ $$ $t$", "E'a\\'b'", "U&'d\\0061'", "B'01'", "X'fF'"]
    ),
    st.text(st.characters(codec="ascii", categories=["L", "N", "Zs"]), min_size=1, max_size=6).map(lambda t: f'"{t}"'),
    st.sampled_from(["1", "1.5", ".5", "1e10", "0x1F", "1_000", "$1"]),
)
PUNCTUATION = st.sampled_from(
    ["(", ")", ",", ";", "::", "=", "<>", "||", "@>", "->>", "+", "-", "*", "<=", "[", "]", "."]
)
TOKENS = st.lists(st.one_of(WORDS, LITERALS, PUNCTUATION), min_size=1, max_size=20)
GAPS = st.sampled_from([" ", "\n", "\t ", " /* c */ ", " -- c\n", "\n/* a /* b */ c */\n", "\f"])


@given(tokens=TOKENS, data=st.data())
def test_gaps_comments_and_case_leave_no_trace(tokens: list[str], data: st.DataObject) -> None:
    plain = " ".join(tokens)
    dressed = "".join(
        (token.swapcase() if token.isascii() and token.isalpha() else token) + data.draw(GAPS) for token in tokens
    )
    assert checksum(plain) == checksum(dressed)


@given(tokens=TOKENS, literal=st.sampled_from(["'other'", '"Other"', "4711", "$$other$$"]))
def test_a_changed_literal_always_counts(tokens: list[str], literal: str) -> None:
    before = " ".join([*tokens, "'literal'"])
    after = " ".join([*tokens, literal])
    assert checksum(before) != checksum(after)


@given(tokens=TOKENS, data=st.data())
def test_tokens_are_those_of_postgresql(tokens: list[str], data: st.DataObject) -> None:
    # Constants on two lines would be one to PostgreSQL (manual 4.1.2.1); to us they stay two.
    text = "".join(token + data.draw(GAPS) + (", " if "'" in token else "") for token in tokens)
    characters = text.encode()
    ours = [characters[: token.start].decode() for token in lex(characters)]
    theirs = [text[: token.start] for token in parser.scan(text) if "COMMENT" not in token.name]
    assert ours == theirs


@pytest.mark.parametrize(
    "text",
    ["a<>-1", "a@-1", "a*/*c*/b", "a--b\n+1", "1..2", "a->'b'", "x:=1", "a=>b", "a?|b", "@-@1", "1.5e-3", "a!=b"],
)
def test_operators_are_cut_like_postgresql_does(text: str) -> None:
    theirs = [text[token.start : token.end + 1] for token in parser.scan(text) if "COMMENT" not in token.name]
    assert [token.text.decode() for token in lex(text.encode())] == theirs
