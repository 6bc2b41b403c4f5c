"""The locked requirements that the wheels of an image are installed from."""

from dataclasses import dataclass
from pathlib import Path

from pplns.errors import ConfigError
from pplns_deploy.locking import lock_file_of, read_inputs, read_lock
from pplns_deploy.locking.freshness import python_of, why_stale
from pplns_deploy.locking.inputs import groups_of


@dataclass(frozen=True, slots=True)
class UsableLock:
    """A lock that fits the project, and the Python that it is for."""

    file: Path
    python: str


def find_lock(root: Path, *, platform: str, python: str | None = None, pipeline: str | None = None) -> UsableLock:
    """Return the lock for a platform and Python (None: the lock's own), with the groups that a pipeline names.

    Raises: ConfigError where there is none, it is stale, or it is for something else."""
    groups = () if pipeline is None else groups_of(root, pipeline)
    file = lock_file_of(root, groups)
    lock = read_lock(file)
    if lock is None:
        raise _unusable(file, "isn't there")
    inputs = read_inputs(root)
    if reason := why_stale(inputs, groups, lock, python=python_of(inputs, lock)):
        raise _unusable(file, reason)
    if python not in (None, lock.python):
        setting = f'python = "{python}"'
        raise _unusable(file, f"is for Python {lock.python}, and {python} was asked for", setting=setting)
    if platform not in lock.platforms:
        setting = f'"{platform}" to platforms'
        raise _unusable(file, f"is for {', '.join(lock.platforms)}, and {platform} was asked for", setting=setting)
    return UsableLock(file, lock.python)


def _unusable(file: Path, problem: str, *, setting: str | None = None) -> ConfigError:
    """Return the refusal of a lock; `setting` is what has to be written before another one is of use."""
    return ConfigError(
        f"The lock {file.name!r} {problem}.",
        "The image holds exactly the wheels that its lock names, each with its hash.",
        f"Add {setting} in [tool.pplns.lock], then make it: pplns lock." if setting else "Make it: pplns lock.",
    )
