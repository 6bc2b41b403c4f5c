"""The public names keep their types under both checkers, in strict mode."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLAIMS = (ROOT / "tests/typing/signatures.py").read_text(encoding="utf-8")
PYRIGHT_SETTINGS = (ROOT / "tests/typing/pyrightconfig.json").read_text(encoding="utf-8")


def run_mypy(folder: Path) -> str:
    cache = ROOT / ".mypy_cache/typing"
    return run_checker("mypy", "--strict", "--cache-dir", str(cache), str(folder / "signatures.py"))


def run_pyright(folder: Path) -> str:
    paths = PYRIGHT_SETTINGS.replace("../../", f"{ROOT.as_posix()}/")
    (folder / "pyrightconfig.json").write_text(paths, encoding="utf-8")
    return run_checker("pyright", "--pythonpath", sys.executable, "--project", str(folder))


def run_checker(*command: str) -> str:
    found = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    return found.stdout + found.stderr


@pytest.mark.parametrize(("check", "agreed"), [(run_mypy, "no issues found"), (run_pyright, "0 errors")])
def test_the_checkers_agree_with_every_claim(check: Callable[[Path], str], agreed: str, tmp_path: Path) -> None:
    """Each `assert_type` holds, and each line that must be an error is one."""
    (tmp_path / "signatures.py").write_text(CLAIMS, encoding="utf-8")

    assert agreed in check(tmp_path)


@pytest.mark.parametrize("check", [run_mypy, run_pyright])
def test_the_checkers_find_a_wrong_claim_and_a_missing_error(check: Callable[[Path], str], tmp_path: Path) -> None:
    """An error that is expected and doesn't come is reported, so the claims above can't hold by accident."""
    wrong = CLAIMS.replace("assert_type(clean.name, str)", "assert_type(clean.name, int)")
    wrong = wrong.replace('load("2013-01-01")', "load(date(2013, 1, 1))")
    (tmp_path / "signatures.py").write_text(wrong, encoding="utf-8")

    report = check(tmp_path)

    assert "assert" in report
    assert "unused-ignore" in report or "reportUnnecessaryTypeIgnoreComment" in report
