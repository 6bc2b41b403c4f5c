"""Retry and Resources: what they take, and what they refuse where it is written."""

from datetime import timedelta
from typing import Any

import pytest

from pplns import DefinitionError, Resources, Retry


def test_a_retry_without_words_tries_three_times() -> None:
    """The defaults that the docs name."""
    assert Retry() == Retry(attempts=3, delay=5, factor=2.0, max_delay=300, jitter=True)


def test_delays_are_kept_in_seconds() -> None:
    """However they were written."""
    retry = Retry(delay=timedelta(seconds=90), max_delay="10m")

    assert (retry.delay, retry.max_delay) == (90, 600)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attempts": 0}, "Retry(attempts=0)"),
        ({"attempts": True}, "Retry(attempts=True)"),
        ({"attempts": 2.0}, "Retry(attempts=2.0)"),
        ({"attempts": "3"}, "Retry(attempts='3')"),
        ({"factor": 0.5}, "Retry(factor=0.5)"),
        ({"factor": "2"}, "Retry(factor='2')"),
        ({"factor": float("nan")}, "Retry(factor=nan)"),
        ({"factor": float("inf")}, "Retry(factor=inf)"),
        ({"delay": "soon"}, "Retry(delay) is 'soon'"),
        ({"delay": -1}, "Retry(delay) is -1"),
        ({"max_delay": None}, "Retry(max_delay) is None"),
        ({"jitter": 0.1}, "Retry(jitter=0.1)"),
    ],
)
def test_a_wrong_retry_is_refused(options: dict[str, Any], message: str) -> None:
    """The error repeats what was written and says what to write."""
    with pytest.raises(DefinitionError) as raised:
        Retry(**options)

    assert raised.value.met.startswith(message)
    assert raised.value.remedy


@pytest.mark.parametrize("cpu", [0.08, 0.5, 1, 1.0, 2, 4, 6, 8])
def test_each_number_of_cpus_that_cloud_run_gives_is_taken(cpu: float) -> None:
    """0.08 to 1, or 2, 4, 6 or 8."""
    assert Resources(cpu=cpu).cpu == cpu


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cpu": 0}, "Resources(cpu=0)"),
        ({"cpu": 0.05}, "Resources(cpu=0.05)"),
        ({"cpu": 1.5}, "Resources(cpu=1.5)"),
        ({"cpu": 3}, "Resources(cpu=3)"),
        ({"cpu": 16}, "Resources(cpu=16)"),
        ({"cpu": "2"}, "Resources(cpu='2')"),
        ({"cpu": True}, "Resources(cpu=True)"),
        ({"cpu": float("nan")}, "Resources(cpu=nan)"),
        ({"memory": 512}, "Resources(memory=512)"),
        ({"memory": "4GB"}, "Resources(memory='4GB')"),
        ({"memory": "0Gi"}, "Resources(memory='0Gi')"),
        ({"memory": "4 Gi"}, "Resources(memory='4 Gi')"),
        ({"memory": "1.5Gi"}, "Resources(memory='1.5Gi')"),
        ({"memory": "٤Gi"}, "Resources(memory='٤Gi')"),
        ({"cpu_always": "no"}, "Resources(cpu_always='no')"),
    ],
)
def test_wrong_resources_are_refused(options: dict[str, Any], message: str) -> None:
    """Before a deployment would refuse them."""
    with pytest.raises(DefinitionError) as raised:
        Resources(**options)

    assert raised.value.met.startswith(message)
    assert raised.value.remedy
