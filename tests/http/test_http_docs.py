"""docs/http.md: its examples are run, and its tables are those of the code."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pplns.server.answers import STATUSES
from pplns.server.routes import TABLE
from service import Service, serving

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```curl (\d+)\n(.*?)\n```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):
    """The service of the page's pipeline."""
    folder = tmp_path_factory.mktemp("page")
    found = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "shop.py").write_text(found[1])
    with serving(folder / "pipelines", folder) as service:
        yield service


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are lines of curl")
def test_every_example_is_answered_as_the_page_says(shop: Service):
    """In their order, as a reader would type them."""
    statuses: list[str] = []
    for _, command in EXAMPLES:
        words = shlex.split(command.replace("http://localhost:8080", shop.url))
        ended = subprocess.run(
            [*words, "-s", "-w", "\n%{http_code}"], check=False, capture_output=True, text=True, timeout=60
        )
        statuses.append(ended.stdout.rpartition("\n")[2])

    assert statuses == [status for status, _ in EXAMPLES]


def test_the_record_on_the_page_has_the_fields_of_a_record(shop: Service):
    """None is missing, none is gone."""
    found = re.search(r"```json record\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None

    shown, made = json.loads(found[1]), shop.post("/pipelines/shop/runs", {"params": {"n": 4}}).json

    assert shown.keys() == made.keys()
    assert shown["steps"][0].keys() == made["steps"][0].keys()
    assert shown["result"] == made["result"]


@pytest.mark.parametrize("path", TABLE)
def test_every_route_is_on_the_page(path: str):
    """The page names each path."""
    assert path.replace("{pipeline}", "NAME").replace("{run_id}", "RUN_ID") in PAGE


def test_every_status_is_on_the_page():
    """The table of outcomes leaves none out."""
    table = PAGE.partition("## Statuses")[2].partition("An error is always")[0]

    assert {str(status) for status in STATUSES.values()} <= set(re.findall(r"\b\d{3}\b", table))
