"""Run ids: derived from a trigger, sorted by logical time, safe as a file name everywhere."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns import ParameterError
from pplns.model.ids import check_run_id, derive_run_id, digest_fields, new_token, time_of_run_id

times = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC))
SOME_TIME = datetime(2013, 1, 31, 6, tzinfo=UTC)


@given(times, st.text(max_size=200))
def test_a_derived_id_is_a_valid_id_that_tells_its_time(time: datetime, key: str) -> None:
    """Whatever the key holds, the id is plain and sorts."""
    run_id = derive_run_id("daily", kind="api", key=key, logical_date=time)

    assert check_run_id(run_id) == run_id
    assert time_of_run_id(run_id) == time.replace(microsecond=0)


@given(times, times)
def test_ids_sort_by_logical_time(one: datetime, other: datetime) -> None:
    """Text order is the order of time, to the second."""
    first, second = sorted([one, other])
    ids = [derive_run_id("daily", kind="api", key="k", logical_date=time) for time in (first, second)]

    assert ids[0][:16] <= ids[1][:16]


def test_the_same_trigger_gives_the_same_id_in_any_zone() -> None:
    """A time is an instant; how it was written doesn't count."""
    local = SOME_TIME.astimezone(timezone(timedelta(hours=-5)))
    ids = {derive_run_id("daily", kind="schedule", key="k", logical_date=time) for time in (SOME_TIME, local)}

    assert ids == {"20130131t060000z-869057b0329bc465"}


@pytest.mark.parametrize(
    "other",
    [{"pipeline": "weekly"}, {"kind": "pubsub"}, {"key": "l"}, {"logical_date": SOME_TIME + timedelta(seconds=1)}],
)
def test_every_field_counts(other: dict[str, Any]) -> None:
    """Two pipelines, two kinds, two keys or two times are two runs."""
    given_fields: dict[str, Any] = {"pipeline": "daily", "kind": "schedule", "key": "k", "logical_date": SOME_TIME}

    assert derive_run_id(**given_fields) != derive_run_id(**(given_fields | other))


@given(st.lists(st.text(max_size=5)), st.lists(st.text(max_size=5)))
def test_fields_that_differ_digest_differently(one: list[str], other: list[str]) -> None:
    """("ab", "c") and ("a", "bc") are told apart by the lengths."""
    assert (digest_fields(*one) == digest_fields(*other)) == (one == other)


def test_a_lone_surrogate_in_a_key_is_digested() -> None:
    """Keys come from outside and hold what they hold."""
    assert len(digest_fields("\ud800")) == 64


@pytest.mark.parametrize("run_id", ["a", "january", "2013-01", "0" * 100, "20130131t060000z-2ead4c8f6b45a35f"])
def test_a_plain_id_of_a_person_is_taken(run_id: str) -> None:
    """Up to 100 lower-case letters, digits and dashes."""
    assert check_run_id(run_id) == run_id


@pytest.mark.parametrize(
    "run_id",
    ["", "-a", "A", "a/b", "../a", "a.b", "a b", "a\n", "é", "a" * 101, "a" * 2000, "a_b", "a\\b", "c:a", "con"],
)
def test_an_id_that_could_harm_a_path_is_refused(run_id: str) -> None:
    """The error shows the id, shortened, and its length."""
    with pytest.raises(ParameterError) as raised:
        check_run_id(run_id)

    assert f"({len(run_id)} characters)" in raised.value.met
    assert len(str(raised.value)) < 350


@pytest.mark.parametrize(
    "run_id",
    [
        "january", "20131399t060000z-2ead4c8f6b45a35f", "20130131t060000z-2ead", "20130131t060000z-2EAD4C8F6B45A35F",
        "2013w054t060000z-2ead4c8f6b45a35f", "20130131t06:00z-2ead4c8f6b45a35f", "20130131t060000-2ead4c8f6b45a35f",
        "20130131T060000Z-2ead4c8f6b45a35f", "20130131t060000z-2ead4c8f6b45a35f-", "20130131t060000z-2ead4c8f6b45a35g",
    ],
)  # fmt: skip
def test_an_id_without_a_time_has_none(run_id: str) -> None:
    """A person's own id, or one that only looks derived."""
    assert time_of_run_id(run_id) is None


def test_tokens_differ() -> None:
    """Sixteen hex digits, new each time."""
    tokens = {new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(len(token) == 16 and int(token, 16) >= 0 for token in tokens)
