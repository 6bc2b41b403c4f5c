"""The errors: three parts, one tree, and stop signals outside of it."""

import pytest

from pplns import LeaseHeld, PplnsError, RetryableError, TerminalError, errors
from pplns.model.run import ErrorInfo

TREE = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, BaseException)]


def test_a_message_has_three_parts() -> None:
    """What was met, what was expected, what to do; records keep the last one apart, as the hint."""
    error = TerminalError("No file 'a.csv'.", "One file a month.", "Copy it there.")

    assert str(error) == "No file 'a.csv'. One file a month. Copy it there."
    assert ErrorInfo.of(error).as_json() == {
        "code": "terminal", "message": "No file 'a.csv'. One file a month.", "hint": "Copy it there.",
    }  # fmt: skip


def test_a_user_may_give_one_part_only() -> None:
    """`raise TerminalError("no such file")` reads as it was written."""
    assert str(TerminalError("no such file")) == "no such file"


@pytest.mark.parametrize("kind", [RetryableError, LeaseHeld])
def test_when_to_come_again_is_kept(kind: type[RetryableError] | type[LeaseHeld]) -> None:
    """In seconds, by keyword only."""
    assert kind("busy", retry_after=30).retry_after == 30


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_is_ours_or_a_stop_signal(kind: type[BaseException]) -> None:
    """An `except Exception` in a step takes every error, and lets every stop signal pass."""
    assert issubclass(kind, PplnsError) != issubclass(kind, errors.StopSignal)
    assert issubclass(kind, Exception) == issubclass(kind, PplnsError)


def test_every_error_has_a_code_of_its_own() -> None:
    """Answers and exit codes are told apart by it."""
    codes = [kind.code for kind in TREE if issubclass(kind, PplnsError)]

    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_the_tree_at_the_top_of_the_module_names_every_error(kind: type[BaseException]) -> None:
    """Who adds one draws it."""
    assert kind.__name__ in (errors.__doc__ or "")
