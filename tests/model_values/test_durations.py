"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns import DefinitionError
from pplns.model.durations import seconds_of


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        (0, 0), (5, 5), (0.25, 0.25), ("90s", 90), ("250ms", 0.25), ("30m", 1800), ("1h30m", 5400), ("1.5h", 5400),
        ("2d", 172800), (" 5s ", 5), ("1d2h3m4s5ms", 93784.005), (timedelta(minutes=2), 120),
    ],
)  # fmt: skip
def test_each_form_is_read(duration: float | str | timedelta, seconds: float) -> None:
    """Seconds, a timedelta, or text with units."""
    assert seconds_of(duration, what="The delay") == pytest.approx(seconds)


@pytest.mark.parametrize(
    "duration",
    [
        -1, -0.5, float("nan"), float("inf"), 10**400, True, None, "", " ", "5", "s", "5 s", "-5s", "5S", "1h,30m",
        "1e3s", "soon", "9" * 400 + "s", timedelta(seconds=-1), timedelta, [], b"5s",
    ],
)  # fmt: skip
def test_what_is_no_duration_is_refused(duration: object) -> None:
    """The error names the option and the forms that are taken."""
    with pytest.raises(DefinitionError) as raised:
        seconds_of(duration, what="The delay")  # type: ignore[arg-type]

    assert raised.value.met.startswith("The delay is ")
    assert '"30m"' in raised.value.expected


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59))
def test_text_and_timedelta_agree(hours: int, minutes: int, seconds: int) -> None:
    """The two ways to write a duration mean the same."""
    text = f"{hours}h{minutes}m{seconds}s"

    assert seconds_of(text, what="x") == seconds_of(timedelta(hours=hours, minutes=minutes, seconds=seconds), what="x")
