"""Prefect with persisted results and its own temporary server, as a flow run from a script has it."""

import time
from typing import Any

import work
from prefect import flow, task


@task(persist_result=True)
def first() -> Any:
    """Run the first step."""
    return work.first()


@task(persist_result=True)
def following(value: Any) -> Any:
    """Run a step."""
    return work.following(value)


@flow
def chain() -> None:
    """Run the steps in a row."""
    value = first()
    for _ in range(work.STEPS - 1):
        value = following(value)


if __name__ == "__main__":
    started = time.perf_counter()
    chain()
    work.report(time.perf_counter() - started)
