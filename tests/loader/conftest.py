"""A project of files, and an interpreter that forgets it after each test."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pplns.settings import Settings

MakeProject = Callable[..., Settings]


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Return a function that writes files, by path from the project's root, and returns the settings."""

    def make(files: dict[str, str | bytes], *, name: str = "proj", **settings: str) -> Settings:
        root = (tmp_path / name).resolve()
        (root / "pipelines").mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
        return Settings(root_dir=str(root), pipelines_dir=str(root / "pipelines"), **settings)  # type: ignore[arg-type]

    return make


@pytest.fixture(autouse=True)
def isolated_imports(tmp_path: Path) -> Iterator[None]:
    """Put sys.path back, and forget the modules of the test's projects."""
    path = sys.path[:]
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None) or "", *map(str, getattr(module, "__path__", ()))]
        if any(str(tmp_path.resolve()) in place for place in places):
            del sys.modules[name]
