"""A project imported in a process of its own: what its code prints, changes or breaks stays there.

The process gets the settings as JSON on stdin and writes its answer to a file, since stdout is the user's. It notes
each pipeline file before it imports it, so that a crash or a hang can be laid to one."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pplns.errors import ConfigError, LoadError
from pplns.paths import from_folder
from pplns.settings import Settings
from pplns_deploy.manifest.model import BrokenFile, Manifest

IMPORT_SECONDS = 120.0  # a project that takes longer to import wouldn't come up within Cloud Run's four minutes
_CHILD = "pplns_deploy.manifest.child"
ERROR_CODE = 3


def read_manifest(settings: Settings, *, timeout_s: float = IMPORT_SECONDS) -> Manifest:
    """Return the manifest of a project, imported in a clean process.

    Raises: ConfigError for a project without pipelines, as `pplns list` says it."""
    answer = call_clean("pplns_deploy.manifest.child:manifest", settings, timeout_s=timeout_s)
    return Manifest((), (answer,)) if isinstance(answer, BrokenFile) else Manifest.from_json(answer)


def call_clean(
    function: str, settings: Settings, *, options: Mapping[str, Any] | None = None, timeout_s: float = IMPORT_SECONDS
) -> Any:
    """Return what `module:name` answers in a clean process, called with the settings and some JSON options.

    A crash or a hang comes back as the BrokenFile that was being imported.

    Raises: ConfigError that the function raised there."""
    payload = json.dumps({"function": function, "settings": settings_as_json(settings), "options": options or {}})
    with tempfile.TemporaryDirectory(prefix="pplns-") as scratch:
        answer, noted, errors = (Path(scratch) / name for name in ("answer.json", "noted", "errors"))
        with errors.open("wb") as stream:
            try:
                ended = subprocess.run(
                    [sys.executable, "-P", "-m", _CHILD, str(answer), str(noted)],
                    input=payload.encode(), stdout=subprocess.DEVNULL, stderr=stream, timeout=timeout_s, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return _hung(_last_noted(noted), settings, timeout_s)
        if not answer.exists():
            return _crashed(_last_noted(noted), settings, ended.returncode, errors.read_text("utf-8", "replace"))
        found = json.loads(answer.read_text("utf-8"))
    if "refused" in found:
        raise (LoadError if found["code"] == LoadError.code else ConfigError)(*found["refused"])
    return found["answer"]


def settings_as_json(settings: Settings) -> dict[str, Any]:
    """Return settings for the process."""
    values = {name: getattr(settings, name) for name in Settings.__annotations__}
    return {**values, "params": dict(settings.params)}


def settings_from_json(found: Mapping[str, Any]) -> Settings:
    """Return what `settings_as_json` was made from."""
    values: dict[str, Any] = {**found, "allowed_callers": tuple(found["allowed_callers"])}
    return Settings(**values)


def _last_noted(noted: Path) -> str | None:
    return noted.read_text("utf-8").splitlines()[-1] if noted.exists() else None


def _hung(file: str | None, settings: Settings, timeout_s: float) -> BrokenFile:
    return BrokenFile(
        _place(file, settings),
        None,
        f"its import didn't end within {timeout_s:g} s.",
        "A pipeline file only defines things; move what waits or works into a step.",
    )


def _crashed(file: str | None, settings: Settings, code: int, errors: str) -> BrokenFile:
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    last = (errors.strip().splitlines() or ["nothing was said"])[-1]
    return BrokenFile(
        _place(file, settings),
        None,
        f"Python ended with {how} while importing it: {last}",
        "Import the file by hand to see more; a library that crashes may be built for another machine.",
    )


def _place(file: str | None, settings: Settings) -> str:
    return from_folder(settings.root_dir, file or settings.pipelines_dir)
