"""What parameters cost a pipeline that asks for none of the rarer types."""

import subprocess
import sys

PROGRAM = """
import sys
from pplns.steps.parameters import convert_params, stored_params
from pplns import pipeline, step
from datetime import UTC, datetime
@pipeline
def small(n: int, name: str = "x"): ...
params = convert_params(small, {"n": "3"}, logical_date=datetime.now(UTC), timezone="UTC")
assert stored_params(params) == {"n": 3, "name": "x"}, params
print(*({"decimal", "dataclasses"} & set(sys.modules)))
"""


def test_decimals_and_dataclasses_are_imported_by_who_uses_them() -> None:
    """A pipeline of numbers and texts is converted and recorded without either."""
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)

    assert found.stdout.strip() == ""
