"""DBOS on sqlite. After a kill the workflow is recovered when DBOS is launched again."""

import time
from typing import Any

import work
from dbos import DBOS, SetWorkflowID


@DBOS.step()
def first() -> Any:
    """Run the first step."""
    return work.first()


@DBOS.step()
def following(value: Any) -> Any:
    """Run a step."""
    return work.following(value)


@DBOS.workflow()
def chain() -> None:
    """Run the steps in a row."""
    value = first()
    for _ in range(work.STEPS - 1):
        value = following(value)


if __name__ == "__main__":
    url = f"sqlite:///{work.FOLDER / 'dbos.sqlite'}"
    DBOS(config={"name": "benchmark", "system_database_url": url, "run_admin_server": False, "log_level": "ERROR"})
    started = time.perf_counter()
    DBOS.launch()
    if work.RUN_AGAIN:
        DBOS.retrieve_workflow("benchmark").get_result()
    else:
        with SetWorkflowID("benchmark"):
            chain()
    work.report(time.perf_counter() - started)
    DBOS.destroy()
