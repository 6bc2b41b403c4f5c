"""A small project on disk, whose steps are imported and digested as a run would."""

import importlib
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from pplns.fingerprint import CodeDigests


class Project:
    """Files under a root; each `load` imports them afresh, as a new process would."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())

    def load(self, function: str) -> Any:
        self.forget()
        module, _, name = function.partition(":")
        return getattr(importlib.import_module(module), name)

    def digest(self, files: dict[str, str | bytes], function: str = "main:run") -> str:
        self.write(files)
        loaded = self.load(function)
        fresh = CodeDigests(self.root).of(loaded)
        for _ in range(2):  # with what was kept of the files as they were, and as they are
            assert self.digest_kept(loaded) == fresh
        return fresh

    def digest_kept(self, function: Any) -> str:
        """Return a digest as a run does that was kept by another run, or keeps it."""
        digests = CodeDigests(self.root, beside=str(self.root / "main.py"))
        digest = digests.of(function)
        digests.keep()
        return digest

    def forget(self) -> None:
        importlib.invalidate_caches()
        for name in [name for name, module in [*sys.modules.items()] if self.holds(module)]:
            del sys.modules[name]

    def holds(self, module: Any) -> bool:
        try:
            places = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", [])]
        except KeyError:  # a folder without __init__.py, whose package couldn't be imported
            return True
        return any(place.startswith(str(self.root)) for place in places)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Project(tmp_path.resolve())
    yield made
    made.forget()
