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
        return CodeDigests(self.root).of(self.load(function))

    def forget(self) -> None:
        importlib.invalidate_caches()
        for name in [name for name, module in [*sys.modules.items()] if self.holds(module)]:
            del sys.modules[name]

    def holds(self, module: Any) -> bool:
        places = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", [])]
        return any(place.startswith(str(self.root)) for place in places)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Project(tmp_path.resolve())
    yield made
    made.forget()
