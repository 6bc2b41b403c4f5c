"""What tests of logs share: runs that are heard, and hidden values that are forgotten after the test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from listening import Heard
from pplns.logs import redaction


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    """A store and a captured stdout."""
    return Heard(tmp_path)


@pytest.fixture(autouse=True)
def hide(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`hide` of a register that ends with the test."""
    monkeypatch.setattr(redaction, "_register", redaction.Register())
    return redaction.hide
