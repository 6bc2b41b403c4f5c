"""The floor of the step benchmark: the least that plain Python does to make a step's value durable."""

import json
import os
import time
from pathlib import Path

STEPS = 100


def write_file(folder: Path, number: int, data: bytes) -> None:
    """Create one file durably against the death of the process, as the file store does."""
    temporary, name = f"{folder}/.tmp-{number}", f"{folder}/{number}.json"
    with open(temporary, "xb", buffering=0) as file:  # noqa: PTH123 - the floor is the bare calls
        file.write(data)
    os.link(temporary, name)
    os.unlink(temporary)  # noqa: PTH108


def plain_ints(folder: Path) -> float:
    """Return the seconds that 100 additions take, each result in a file of its own."""
    value = 1
    begun = time.perf_counter()
    for number in range(STEPS):
        write_file(folder, number, json.dumps({"value": value}).encode())
        value = value + 1
    return time.perf_counter() - begun


def plain_tables(folder: Path) -> float:
    """Return the seconds that 100 changes of a 10-row table take, each result in a feather file."""
    import pandas as pd
    from pyarrow import feather

    table = pd.DataFrame({"a": range(10), "b": [n / 3 for n in range(10)], "c": [str(n) for n in range(10)]})
    begun = time.perf_counter()
    for number in range(STEPS):
        table["a"] = table["a"] + 1
        feather.write_feather(table, str(folder / f"{number}.arrow"), compression="uncompressed")
    return time.perf_counter() - begun
