"""How the three parts of an error are put together, whoever wrote them."""

from typing import Any

import pytest

from pplns import PplnsError, TerminalError


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("No full stop", "x", "y"), "No full stop. x. y"),
        (("One.", "Two.", "Three."), "One. Two. Three."),
        (("Is it?", "Yes!", "So: go on"), "Is it? Yes! So: go on"),
        (('He said "no."', "", "Ask again"), 'He said "no." Ask again'),
        (("It has (three)", "two"), "It has (three). two"),
        (("alone",), "alone"),
        ((404, None, 3), "404. 3"),
        (("", "", ""), ""),
    ],
)
def test_each_part_but_the_last_ends_its_sentence(parts: Any, text: str) -> None:
    """Where its author left the full stop out, and whatever was given in place of text."""
    assert str(PplnsError(*parts)) == text


def test_the_message_of_a_users_error_has_two_sentences() -> None:
    """It stands in records and answers, the remedy beside it."""
    error = TerminalError("card declined", "a card with money on it", "ask the customer")

    assert (error.message, error.hint) == ("card declined. a card with money on it", "ask the customer")
