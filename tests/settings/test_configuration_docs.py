"""docs/configuration.md says everything that can be set."""

from pathlib import Path

import pytest

from pplns.settings import TABLE, Row, load_settings

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_setting_has_its_line(row: Row):
    """Key, variable, flag, default and meaning stand in one line of the page."""
    lines = [
        line for line in PAGE.read_text("utf-8").splitlines() if f"`{row.variable}`" in line and line.startswith("|")
    ]

    assert len(lines) == 1
    cells = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert cells[0] == (f"`{row.key}`" if row.key else "")
    assert cells[2] == (f"`--{row.name}`" if row.has_flag else "")
    assert cells[4] == (f"`{row.default}`" if row.default else {"pipeline": "all of them"}.get(row.name, "none"))
    assert cells[5].replace("`", "") in row.meaning


def test_the_example_of_the_page_is_a_project(tmp_path: Path):
    """What people copy works, and holds nothing but the defaults."""
    toml = PAGE.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    (tmp_path / "pyproject.toml").write_text(toml, encoding="utf-8")

    settings = load_settings(tmp_path, environ={})

    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n", encoding="utf-8")
    assert settings == load_settings(tmp_path, environ={})
