"""docs/environments.md and docs/dependencies.md say every key, and what they show works."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from pplns_deploy.environments import Environment, PipelineConfig, read_environments
from pplns_deploy.environments.reading import SET_BY_PPLNS
from pplns_deploy.locking import read_inputs
from pplns_deploy.locking.inputs import groups_of

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "environments.md").read_text("utf-8")
LOCKING = (DOCS / "dependencies.md").read_text("utf-8")


def keys_of(page: str, title: str) -> set[str]:
    """Return the keys in the table below a title."""
    section = page.split(f"## {title}\n")[1].split("\n## ", maxsplit=1)[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.M))


def names_of(cls: type) -> set[str]:
    """Return the fields of a dataclass."""
    return {one.name for one in fields(cls)}


def test_every_key_has_its_line():
    """Of an environment, of a pipeline in it, and of the lock."""
    assert keys_of(PAGE, "Keys of an environment") == names_of(Environment) - {"name", "file"} | {"params"}
    assert keys_of(PAGE, "Keys of a pipeline") == names_of(PipelineConfig)
    assert keys_of(LOCKING, "Settings") == {"python", "platforms", "requirements", "groups"}


def test_every_variable_that_is_refused_is_named():
    """Whoever meets the refusal finds it on the page."""
    assert [name for name in SET_BY_PPLNS if f"`{name}`" not in PAGE] == []


def test_the_environment_of_the_page_is_one(tmp_path: Path):
    """What people copy is read."""
    (tmp_path / "pyproject.toml").write_text(PAGE.split("```toml\n")[1].split("```")[0])

    prod = read_environments(tmp_path)["prod"]

    assert prod.config_of("daily_orders").params == {"dataset": "mart"}
    assert str(prod.config_of("daily_orders").secrets["WAREHOUSE_PASSWORD"]) == "warehouse-password@3"


def test_the_settings_of_the_lock_are_read(tmp_path: Path):
    """As they stand on the page."""
    toml = "[dependency-groups]\nml = ['rows']\n" + LOCKING.split("```toml\n")[1].split("```")[0]
    (tmp_path / "pyproject.toml").write_text(toml)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "prod.txt").write_text("cells\n")

    inputs = read_inputs(tmp_path)

    assert (inputs.python, inputs.platforms) == ("3.12", ("linux/amd64",))
    assert groups_of(tmp_path, "forecast") == ("ml",)


def test_the_step_of_the_page_reads_its_secret(monkeypatch: pytest.MonkeyPatch):
    """From the variable that the page names."""
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "sesame")
    scope: dict = {}

    exec(PAGE.split("```python\n")[1].split("```")[0], scope)

    assert scope["load_orders"]("2013-01-01") == 6
