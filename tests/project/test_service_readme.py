"""The README's requests to the service are sent as they stand, and answered as it shows."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service import Service, serving

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
RUN_ID = re.compile(r"[0-9]{8}t[0-9]{6}z-[0-9a-f]{16}")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The service of the README's pipeline."""
    found = re.search(r"<!-- example: readme -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/daily_sales.py").write_text(found[1], encoding="utf-8")
    with serving(tmp_path / "pipelines", tmp_path) as started:
        yield started


@pytest.mark.skipif(shutil.which("curl") is None, reason="the requests are lines of curl")
def test_the_requests_are_answered_as_shown(service: Service) -> None:
    """The same key is the same run; with other parameters it is refused."""
    block = re.search(r"<!-- service: daily_sales -->\n```console\n(.*?)```", README, re.DOTALL)
    assert block is not None
    parts = re.findall(r"^\$ (curl .*?) \| jq (-c|-r) .*?\n(.*?)$", block[1], re.DOTALL | re.MULTILINE)

    answers = [ask(service, command) for command, _, _ in parts]

    shown, refusal = json.loads(RUN_ID.sub("RUN_ID", parts[0][2])), RUN_ID.sub("RUN_ID", parts[1][2])
    assert {name: answers[0][name] for name in shown} == shown
    assert answers[1]["error"]["message"] == refusal


def ask(service: Service, command: str) -> dict[str, Any]:
    """Send what a line of curl says and return the document that is answered, all run ids the same in it."""
    words = shlex.split(command.replace("localhost:8080", f"127.0.0.1:{service.port}").replace("\\\n", ""))
    ended = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60)
    found: dict[str, Any] = json.loads(RUN_ID.sub("RUN_ID", ended.stdout))
    return found
