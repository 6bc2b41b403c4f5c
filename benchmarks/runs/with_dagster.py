"""Dagster with an instance on sqlite and outputs as files, in one process.

It goes on with a killed run only once someone has marked it failed, so that is done here first."""

import time
from typing import Any

import work
from dagster import (
    DagsterInstance,
    FilesystemIOManager,
    ReexecutionOptions,
    execute_job,
    in_process_executor,
    job,
    op,
    reconstructable,
)


@op
def first() -> Any:
    """Run the first step."""
    return work.first()


@op
def following(value: Any) -> Any:
    """Run a step."""
    return work.following(value)


@job(
    executor_def=in_process_executor,
    resource_defs={"io_manager": FilesystemIOManager(base_dir=str(work.FOLDER / "outputs"))},
)
def chain() -> None:
    """Run the steps in a row."""
    value = first()
    for number in range(1, work.STEPS):
        value = following.alias(f"following_{number}")(value)


def again(instance: DagsterInstance) -> ReexecutionOptions:
    """Mark the killed run as failed and return how to go on with it."""
    killed = instance.get_runs()[0]
    instance.report_run_failed(killed)
    return ReexecutionOptions.from_failure(killed.run_id, instance)


if __name__ == "__main__":
    started = time.perf_counter()
    with DagsterInstance.get() as opened:
        options = again(opened) if work.RUN_AGAIN else None
        done = execute_job(reconstructable(chain), instance=opened, reexecution_options=options)
    if not done.success:
        raise SystemExit("the run failed")
    work.report(time.perf_counter() - started)
