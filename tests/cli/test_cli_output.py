"""Numbers, widths and tables as people read them."""

import os
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns_deploy.cli.console import spell
from pplns_deploy.cli.output import (
    Column,
    bytes_text,
    clean_text,
    count_text,
    cut,
    duration_text,
    table_lines,
    text_width,
)
from pplns_deploy.cli.styles import styled, unstyled
from pplns_deploy.cli.words import join_words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""), (0.0, "0 ms"), (0.0042, "4 ms"), (0.999, "999 ms"), (0.9996, "1.0 s"), (12.34, "12.3 s"),
        (59.94, "59.9 s"), (59.96, "1m 00s"), (125, "2m 05s"), (3599.6, "1h 00m"), (36_000, "10h 00m"),
    ],
)  # fmt: skip
def test_durations(seconds, text):
    """Three digits at most, in the unit that fits."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, ""), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_999, "1.0 MB"),
        (3_141_592, "3.1 MB"), (5 * 10**9, "5.0 GB"), (5 * 10**15, "5000.0 TB"),
    ],
)  # fmt: skip
def test_sizes(size, text):
    """Decimal units, one digit after the point."""
    assert bytes_text(size) == text


def test_counts():
    """Thousands are set apart, one is singular."""
    assert [count_text(number, "row") for number in (0, 1, 27004)] == ["0 rows", "1 row", "27,004 rows"]


def test_wide_letters_take_two_columns():
    """Chinese letters are twice as wide on a terminal, combining marks take nothing."""
    assert text_width("東京") == 4
    assert text_width("e\u0301") == 1
    assert cut("東京東京", 5) == "東京…"


def test_what_would_steer_the_terminal_is_made_visible():
    """An escape sequence in someone's data can't clear the screen."""
    assert clean_text("a\x1b[2Jb\nc") == "a\\x1b[2Jb c"


@given(
    cells=st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30), st.integers()), max_size=5),
    width=st.integers(30, 100),
)
def test_a_table_fits_the_width_it_is_given(cells, width):
    """Columns that may be cut give way until the table fits, whatever is in it."""
    columns = [Column("name", least=4), Column("text", least=4), Column("count", least=4, is_number=True)]

    lines = table_lines(columns, [(name, text, str(count)) for name, text, count in cells], width=width)

    assert len(lines) == len(cells) + 1
    assert all(text_width(line) <= width for line in lines)


def test_a_table_without_a_width_cuts_nothing():
    """In a pipe every cell is whole, so that grep finds it."""
    assert table_lines([Column("a", least=1)], [["x" * 300]], width=None)[1] == "x" * 300


@pytest.mark.parametrize(
    ("encoding", "text"), [("utf-8", "→ ✓ ü"), ("cp1252", "-> + ü"), ("ascii", "-> + \\xfc"), ("cp437", "→ + ü")]
)
def test_a_stream_gets_the_characters_it_has(encoding, text):
    """An old console gets likenesses in ASCII, never an error."""
    spelled = spell("→ ✓ ü", encoding)

    assert spelled.encode(encoding).decode(encoding) == spelled
    if encoding != "cp437":  # it has an arrow but no tick, so all symbols change together
        assert spelled == text


def test_command_lines_are_quoted():
    """What is offered can be typed as it is, spaces and all."""
    assert join_words(["cd", "my folder"]) in ("cd 'my folder'", 'cd "my folder"')


def test_plain_words_stand_as_they_are():
    """No shell takes them apart in another way, so nothing is quoted."""
    words = ["pplns", "run", "sales", "-p", "month=2013-01", "--store", "file:/srv/runs_2"]

    assert join_words(words) == " ".join(words)


@pytest.mark.skipif(os.name == "nt", reason="the rules of a POSIX shell")
@pytest.mark.parametrize("word", ["", "my folder", "it's", "$HOME", "a;b", "*", "~", "é", "a\\b", "a\nb"])
def test_a_shell_reads_the_words_that_were_given(word):
    """Whatever a shell would read as something else is quoted."""
    assert shlex.split(join_words(["cd", word])) == ["cd", word]


def test_colours_are_taken_from_a_text():
    """What `styled` adds goes, wherever it stands, and as often."""
    text = f"a {styled('red', color='red', bold=True)} {styled('bold', bold=True)}"

    assert unstyled(text) == "a red bold"


@pytest.mark.parametrize("text", ["plain", "\033", "\033[", "\033[2J", "\033[31", "[31m", "\033[31 m"])
def test_what_is_no_colour_stays(text):
    """Only the codes of colours are left out."""
    assert unstyled(f"{text}\033[0m") == text
