"""What the steps do, the same for every peer; what is to be done comes by environment variables.

A run is `first()`, then `following(value)` until there are STEPS of them. KIND says what they pass: an int, a table of
ten rows, or a large one of mixed columns. With DIE_AT the process kills itself while the step after that one works."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

KIND = os.environ.get("BENCH_KIND", "int")
FOLDER = Path(os.environ.get("BENCH_FOLDER", "."))
STEPS = int(os.environ.get("BENCH_STEPS", "100"))
ROWS = int(os.environ.get("BENCH_ROWS", "10"))
DIE_AT = int(os.environ.get("BENCH_DIE_AT", "0"))
RUN_AGAIN = os.environ.get("BENCH_RUN_AGAIN") == "1"
WORKING_SECONDS = 0.2  # the killed step is at work this long, so that what was finished before it is on disk

_done = 0

if KIND == "table":  # whoever passes tables imports these, before the run begins
    import numpy as np
    import pandas as pd
    import pyarrow.feather  # noqa: F401


def first() -> Any:
    """Return the value of the first step."""
    _count()
    return 0 if KIND == "int" else _table(ROWS)


def following(value: Any) -> Any:
    """Return the value of a step from that of the one before."""
    _count()
    if KIND == "int":
        return value + 1
    return value.assign(price=value["price"] + 1.0)


def report(seconds: float) -> None:
    """Say how long the run took inside its process, and how many steps ran in it."""
    print(json.dumps({"seconds": seconds, "steps": _done}), flush=True)


def _count() -> None:
    global _done  # noqa: PLW0603 - one process, one run
    if DIE_AT and _done == DIE_AT:
        time.sleep(WORKING_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)
    _done += 1


def _table(rows: int) -> Any:
    """Return a table of 88 bytes a row: whole numbers, fractions, times, flags and text."""
    numbers = np.arange(rows)
    fractions = {f"measure_{place}": numbers * (0.5 + place) for place in range(5)}
    return pd.DataFrame(
        {
            "id": numbers,
            "price": numbers / 3,
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(numbers % 86_400, unit="s"),
            "flag": numbers % 3 == 0,
            "code": np.char.add("customer-", (numbers % 1_000).astype(str)),
            "quantity": (numbers % 50).astype("int32"),
            **fractions,
        }
    )
