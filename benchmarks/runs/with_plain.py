"""Plain Python, the floor: each value in a file of its own, created under a temporary name and then linked."""

import json
import os
import time
from pathlib import Path
from typing import Any

import work


def create(name: str, write: Any) -> None:
    """Create a file whole or not at all."""
    temporary = f"{name}.tmp"
    write(temporary)
    os.link(temporary, name)
    os.unlink(temporary)  # noqa: PTH108 - the floor is the bare calls


def write_value(name: str, value: Any) -> None:
    """Write an int as JSON, a table as a feather file."""
    if work.KIND == "int":
        create(name, lambda path: _write_bytes(path, json.dumps({"value": value}).encode()))
        return
    from pyarrow import feather

    create(name, lambda path: feather.write_feather(value, path, compression="uncompressed"))


def read_value(name: str) -> Any:
    """Read what `write_value` wrote."""
    return json.loads(Path(name).read_bytes())["value"]


def _write_bytes(path: str, data: bytes) -> None:
    with open(path, "xb", buffering=0) as file:  # noqa: PTH123
        file.write(data)


def run() -> Any:
    """Run the steps that have no file yet."""
    value, begun = None, False
    for number in range(work.STEPS):
        name = str(work.FOLDER / f"{number:03}")
        if work.RUN_AGAIN and os.path.exists(name):  # noqa: PTH110
            value, begun = read_value(name), True
            continue
        value = work.following(value) if begun else work.first()
        begun = True
        write_value(name, value)
    return value


if __name__ == "__main__":
    started = time.perf_counter()
    run()
    work.report(time.perf_counter() - started)
