"""A plain `pplns run NAME …`, read without click, whose import takes longer than a small run.

Only words that can be read in one way are read here: each option at most once, but `-p`, and apart from its value. All
else is click's: help, mistakes, completion, `--option=value`, services, every other command. What both can read they
read the same (tests/cli/test_plain_runs.py)."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pplns_deploy.cli.running import RunWords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_VALUES = {
    "-p": "params", "--param": "params", "--run-id": "run_id", "--from": "redo", "--only": "only", "--store": "store",
    "--project": "project",
}  # fmt: skip
_FLAGS = {"-v": "verbose", "--verbose": "verbose", "--json": "as_json"}


def read_run(words: Sequence[str]) -> RunWords | None:
    """Return the run that a command line asks for, or None where click has to read it."""
    if list(words[:1]) != ["run"] or "_PPLNS_COMPLETE" in os.environ:
        return None
    given: dict[str, list[str]] = {}
    fields: dict[str, Any] = {}
    rest = iter(words[1:])
    for word in rest:
        if word in _FLAGS:
            fields[_FLAGS[word]] = True
            continue
        value = next(rest, "-") if word in _VALUES else word
        if value.startswith("-"):
            return None
        given.setdefault(_VALUES.get(word, "name"), []).append(value)
    fields["params"] = tuple(given.pop("params", ()))
    if "name" not in given or any(len(values) > 1 for values in given.values()):
        return None
    fields |= {field: value for field, (value,) in given.items()}
    return _with_folder(fields)


def _with_folder(fields: dict[str, Any]) -> RunWords | None:
    """Return the run in the folder that `--project` names, as click shows it: `./shop/` is shown as `shop`."""
    project: str | None = fields.pop("project", None)
    if project is None:
        return RunWords(**fields)
    if os.path.normpath(project) != project or not (os.path.isdir(project) and os.access(project, os.R_OK)):
        return None
    return RunWords(**fields, project=project)
