"""Tests import a project's steps as its runs do: the root, its `src` and the pipelines folder are first on sys.path.

pytest loads this by itself where pplns is installed. Outside of a pplns project it does nothing; a project whose
settings are malformed is named in pytest's header, and its tests run all the same."""

import os
from pathlib import Path

import pytest

_problem = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Put the folders of the project around the tests first on sys.path, before any conftest.py is imported."""
    for start in (early_config.rootpath, Path(early_config.invocation_params.dir)):
        if _has_project(start):
            _enter_project(start, early_config)
            return


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say why the project's folders could not be put on sys.path, where that is so."""
    problem = config.stash.get(_problem, None)
    return [f"pplns: {problem}"] if problem else []


def _has_project(start: Path) -> bool:
    """Tell, without importing anything of pplns, whether a pyproject.toml from here upwards speaks of tool.pplns."""
    files = [folder / "pyproject.toml" for folder in (start, *start.parents)]
    return any("pplns" in file.read_text("utf-8", errors="replace") for file in files if _is_readable(file))


def _is_readable(file: Path) -> bool:
    return file.is_file() and os.access(file, os.R_OK)


def _enter_project(start: Path, config: pytest.Config) -> None:
    from pplns.errors import ConfigError
    from pplns.loader import put_first_on_path
    from pplns.settings import find_project, load_settings

    try:
        root = find_project(start)
    except ConfigError:  # no project, or a pyproject.toml that is not ours to judge
        return
    try:
        put_first_on_path(load_settings(root, environ=os.environ))
    except ConfigError as error:
        config.stash[_problem] = str(error)
