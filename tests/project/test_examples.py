"""The examples of the documents run as they stand.

Python after `<!-- example: NAME -->` is a pipeline file; a block after `<!-- continue: NAME -->` goes on with it.
"""

import re
from pathlib import Path
from types import ModuleType

import pytest

from kit import Runs, settings_of
from pplns.loader import load_pipeline
from pplns.stores import MemoryStore

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"<!-- (example|continue): (\w+) -->\n```python\n(.*?)```", re.DOTALL)


def examples() -> dict[str, str]:
    found: dict[str, str] = {}
    for document in (ROOT / "README.md", ROOT / "docs/authoring.md", ROOT / "docs/from-mage.md"):
        for _, name, code in BLOCK.findall(document.read_text(encoding="utf-8")):
            found[name] = found.get(name, "") + code
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pipelines").mkdir()
    for name, code in examples().items():
        (tmp_path / f"pipelines/{name}_example.py").write_text(code, encoding="utf-8")
    return tmp_path


def test_the_pipeline_of_the_readme_runs(project: Path) -> None:
    """Twenty lines, copied, give the totals by region."""
    settings = settings_of(project)
    record = Runs(MemoryStore(), settings).run(load_pipeline(settings, "daily_sales"), {"day": "2013-01-31"})

    assert (record.state, record.result) == ("succeeded", {"eu": 20.0, "us": 35.0})


def test_the_pipeline_of_the_guide_runs(project: Path) -> None:
    """Two outputs, a step used twice, a dict of handles."""
    (project / "orders.csv").write_text("amount\n150\n20\n\n30\n", encoding="utf-8")
    settings = settings_of(project)
    record = Runs(MemoryStore(), settings).run(
        load_pipeline(settings, "orders"), {"source": str(project / "orders.csv")}
    )

    assert (record.state, record.result) == ("succeeded", "1 large, 2 small")


def test_the_pipeline_for_those_who_come_from_mage_runs(project: Path) -> None:
    """The blocks of the page, as steps."""
    settings = settings_of(project)
    record = Runs(MemoryStore(), settings).run(load_pipeline(settings, "sales_by_region"), {"minimum": "30"})

    assert (record.state, record.result) == ("succeeded", {"us": 35})


def test_the_unit_test_of_the_guide_passes() -> None:
    """A step called outside of a run is its function."""
    module = ModuleType("guide")
    exec(compile(examples()["authoring"], "authoring.md", "exec"), module.__dict__)

    module.test_clean_drops_orders_without_an_amount()
