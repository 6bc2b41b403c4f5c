"""A pipeline of JSON values never pays for the libraries of tables."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from datetime import date
from pplns.codecs import hold, plain
held = hold({0}, where="Step 'make'")
held.handout(), held.inline_bytes, plain(held.handout())
print(*sorted({{"numpy", "pandas", "pyarrow", "polars", "decimal", "uuid"}} & set(sys.modules)))
"""


@pytest.mark.parametrize(("value", "loaded"), [("[1, {'a': (2.5, None)}]", ""), ("b'x' * 50_000", "")])
def test_json_values_load_no_library(value: str, loaded: str):
    """Neither numpy, pandas and pyarrow nor the standard modules of rarer types."""
    process = subprocess.run([sys.executable, "-c", SCRIPT.format(value)], check=True, capture_output=True, text=True)

    assert process.stdout.strip() == loaded


def test_a_date_loads_no_library_of_tables():
    """The standard library is enough for the standard library's types."""
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT.format("date(2013, 1, 1)")], check=True, capture_output=True, text=True
    )

    assert process.stdout.split() == ["decimal", "uuid"]
