"""Whether the locks of a project still fit what it asks for; nothing is downloaded to tell."""

from dataclasses import dataclass
from pathlib import Path

from pplns.errors import ConfigError
from pplns_deploy.locking.inputs import PYTHONS, LockInputs, read_inputs, this_python
from pplns_deploy.locking.lockfile import Lock, lock_file_of, read_lock


@dataclass(frozen=True, slots=True)
class Staleness:
    """A lock that is missing or no longer fits, and why: words that follow its name."""

    file: Path
    reason: str


def find_stale(root: Path) -> list[Staleness]:
    """Return the locks of a project that are missing or stale.

    Raises: ConfigError for requirements or a lock that can't be read."""
    inputs = read_inputs(root)
    plain = read_lock(lock_file_of(root))
    found: list[Staleness] = []
    for groups in inputs.groups:
        file = lock_file_of(root, groups)
        reason = why_stale(inputs, groups, read_lock(file), python=python_of(inputs, plain))
        if reason:
            found.append(Staleness(file, reason))
    return found


def python_of(inputs: LockInputs, plain: Lock | None) -> str:
    """Return the Python to lock for: the one that is said, that of the lock, or this one.

    So a colleague with another interpreter doesn't change the container's by locking.

    Raises: ConfigError where the project says that it doesn't run on any of these."""
    known = [inputs.python] if inputs.python else [*([plain.python] if plain else []), this_python()]
    fitting = [one for one in known if inputs.allows(one)]
    if fitting:
        return fitting[0]
    wanted = next((one for one in PYTHONS if inputs.allows(one)), "3.…")
    raise ConfigError(
        f"The container would have Python {known[0]}; the project has requires-python = {inputs.requires_python!r}.",
        "The container's Python is one that the project runs on.",
        f'Write python = "{wanted}" in [tool.pplns.lock], or correct requires-python.',
    )


def why_stale(inputs: LockInputs, groups: tuple[str, ...], lock: Lock | None, *, python: str) -> str | None:
    """Return why a lock doesn't fit, as words that follow its name, or None where it does."""
    if lock is None:
        return "isn't there"
    if lock.python != python:
        return f"is for Python {lock.python}, and {python} is wanted"
    if lock.platforms != inputs.platforms:
        return f"is for {', '.join(lock.platforms)}, and {', '.join(inputs.platforms)} is wanted"
    if lock.inputs != inputs.digest(groups, python):
        return "is stale: the requirements or [tool.uv] have changed since"
    return None
