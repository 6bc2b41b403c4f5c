"""The clean process: imports the project, calls one function with its settings, and writes the answer to a file.

Started as `python -P -m pplns_deploy.manifest.child ANSWER NOTED`, only by `clean`."""

import importlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import CodeType
from typing import Any

from pplns.errors import ConfigError
from pplns.loader import discover
from pplns.settings import Settings
from pplns_deploy.manifest.clean import settings_from_json
from pplns_deploy.manifest.describing import describe_project


def manifest(settings: Settings, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest of the project as JSON."""
    return describe_project(discover(settings), settings).as_json()


def main(answer: Path, noted: Path) -> None:
    """Answer the call that stands on stdin."""
    call = json.loads(sys.stdin.buffer.read())
    settings = settings_from_json(call["settings"])
    module, _, name = str(call["function"]).partition(":")
    function = getattr(importlib.import_module(module), name)
    _note_imports(settings.pipelines, noted)
    try:
        written = {"answer": function(settings, call["options"])}
    except ConfigError as error:
        written = {"code": error.code, "refused": [error.met, error.expected, error.remedy]}
    text = json.dumps(written)
    unfinished = answer.with_suffix(".part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(answer)
    os._exit(0)  # whatever threads and exit handlers a user's file has left


def _note_imports(folder: Path, noted: Path) -> None:
    """Write the name of each pipeline file to `noted` when its code begins to run."""
    stream = noted.open("a", encoding="utf-8")

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "exec" and arguments and isinstance(arguments[0], CodeType):
            file = arguments[0].co_filename
            if Path(file).is_relative_to(folder):
                stream.write(f"{file}\n")
                stream.flush()

    sys.addaudithook(note)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
