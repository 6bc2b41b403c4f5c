"""Runs on a memory store, for the tests of the engine."""

from pathlib import Path

import pytest

from kit import MetStore, Runs, settings_of
from pplns.stores import FileStore


@pytest.fixture
def store() -> MetStore:
    return MetStore()


@pytest.fixture
def runs(store: MetStore) -> Runs:
    return Runs(store, settings_of(Path(__file__).parents[2]))


@pytest.fixture
def file_runs(tmp_path: Path) -> Runs:
    return Runs(FileStore(tmp_path / "state"), settings_of(Path(__file__).parents[2]))
