"""Locked dependencies: exactly which wheels go into the image, with hashes, whatever laptop asked.

`inputs` reads what the project asks for, `resolving` has uv resolve it for each platform of the container, `lockfile`
is the file `requirements.lock`, `freshness` tells whether it still fits, and `locking` puts them together."""

from pplns_deploy.locking.freshness import Staleness, find_stale
from pplns_deploy.locking.inputs import PLATFORMS, LockInputs, read_inputs
from pplns_deploy.locking.lockfile import LOCK_FILE, Lock, Pin, lock_file_of, read_lock
from pplns_deploy.locking.locking import Locked, lock_project
from pplns_deploy.locking.resolving import find_uv

__all__ = [
    "LOCK_FILE",
    "PLATFORMS",
    "Lock",
    "LockInputs",
    "Locked",
    "Pin",
    "Staleness",
    "find_stale",
    "find_uv",
    "lock_file_of",
    "lock_project",
    "read_inputs",
    "read_lock",
]
