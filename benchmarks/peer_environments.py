"""The peers, and a virtual environment of pinned versions for each, made by uv outside the checkout."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
TABLES = ("pandas==3.1.1", "pyarrow==26.0.1")
INSTALL_SECONDS = 1200


@dataclass(frozen=True, eq=False)
class Peer:
    """One row of the tables. `imports` is what a file with a pipeline imports; `variables` may hold {folder}.

    `can_resume` is False where a killed run has to run again from its beginning."""

    name: str
    title: str
    script: str
    requirements: tuple[str, ...]
    imports: str
    package: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    can_resume: bool = True


PREFECT_VARIABLES = {
    "PREFECT_HOME": "{folder}", "PREFECT_LOGGING_LEVEL": "CRITICAL", "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300", "DO_NOT_TRACK": "1",
}  # fmt: skip
PEERS = (
    Peer("plain", "plain Python", "with_plain.py", TABLES, "import json, logging"),
    Peer("pplns", "pplns", "with_pplns.py", TABLES, "from pplns import step, pipeline", "pplns"),
    Peer(
        "hamilton", "Hamilton, cache", "with_hamilton.py", ("sf-hamilton==1.90.0", *TABLES),
        "from hamilton import driver", "sf-hamilton", {"HAMILTON_TELEMETRY_ENABLED": "false"},
    ),
    Peer("dbos", "DBOS, sqlite", "with_dbos.py", ("dbos==3.4.0", *TABLES), "from dbos import DBOS", "dbos"),
    Peer(
        "prefect", "Prefect", "with_prefect.py", ("prefect==3.8.8", "fastapi==0.139.0", *TABLES),
        "from prefect import flow, task", "prefect", PREFECT_VARIABLES, can_resume=False,
    ),
    Peer(
        "dagster", "Dagster", "with_dagster.py", ("dagster==1.13.29", *TABLES),
        "from dagster import job, op", "dagster", {"DAGSTER_HOME": "{folder}", "DAGSTER_DISABLE_TELEMETRY": "1"},
    ),
    Peer(
        "mage", "Mage", "with_mage.py", ("mage-ai==0.9.80", "pandas==2.3.3", "pyarrow==25.0.1"),
        "from mage_ai.data_preparation.models.pipeline import Pipeline", "mage-ai", can_resume=False,
    ),
)  # fmt: skip


class NotInstalledError(Exception):
    """A peer can't be installed here; the text is the last that the installer said."""


def cache_folder() -> Path:
    """Return where the environments are kept from one run to the next."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "pplns-benchmarks"


def environment_of(peer: Peer) -> Path:
    """Return the Python of a peer's environment, making it where it isn't there as pinned; pplns is installed anew.

    Raises: NotInstalledError."""
    folder = cache_folder() / peer.name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    note = folder / "requirements.json"
    wanted = json.dumps([sys.version, *peer.requirements])
    if not note.exists() or note.read_text("utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        _uv("venv", "--quiet", "--python", sys.executable, str(folder))
        _uv("pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *peer.requirements)
        note.write_text(wanted, "utf-8")
    if peer.name == "pplns":
        _uv(
            "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), "--reinstall-package", "pplns",
            str(CHECKOUT),
        )  # fmt: skip
    return python


def versions_in(python: Path, peer: Peer) -> dict[str, str]:
    """Return the versions in an environment that a reader wants to know."""
    names = [name for name in (peer.package, "pandas", "pyarrow") if name]
    code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names!r}}}))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def _uv(*arguments: str) -> None:
    try:
        done = subprocess.run(
            [_find_uv(), *arguments], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"`uv {arguments[0]}` took longer than {INSTALL_SECONDS} s") from None
    if done.returncode:
        raise NotInstalledError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "uv failed")


def _find_uv() -> str:
    from uv import find_uv_bin

    return find_uv_bin()
