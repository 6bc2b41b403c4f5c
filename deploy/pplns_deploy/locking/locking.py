"""Locking a project: every set of groups, for every platform, into its file."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pplns.errors import ConfigError
from pplns_deploy.locking.freshness import python_of
from pplns_deploy.locking.inputs import LockInputs, read_inputs
from pplns_deploy.locking.lockfile import Lock, Pin, lock_file_of, merge_pins, read_lock
from pplns_deploy.locking.resolving import resolve
from pplns_deploy.locking.uv_settings import project_asking


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock that was written, and the one that stood there before."""

    file: Path
    lock: Lock
    before: Lock | None

    @property
    def changes(self) -> tuple[tuple[str, str | None, str | None], ...]:
        """What changed: the package, its versions before and its versions now, None where it wasn't or isn't there."""
        old, new = _versions(self.before), _versions(self.lock)
        return tuple(
            (name, old.get(name), new.get(name))
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        )  # fmt: skip


def lock_project(root: Path, *, upgrade: bool = False) -> list[Locked]:
    """Resolve what a project asks for and write its locks; versions stay where they fit unless `upgrade` is set.

    Nothing is written unless every lock could be made.

    Raises: ConfigError."""
    inputs = read_inputs(root)
    python = python_of(inputs, read_lock(lock_file_of(root)))
    made: list[Locked] = []
    for groups in sorted(inputs.groups):  # the plain one first, whose versions the others keep
        before = read_lock(lock_file_of(root, groups))
        near = before if before and not upgrade else made[0].lock if made else None
        lock = _lock(inputs, groups, python=python, root=root, near=near, upgrade=upgrade and not made)
        made.append(Locked(lock_file_of(root, groups), lock, before))
    for one in made:
        _write(one.file, one.lock.as_text())
    return made


def _lock(
    inputs: LockInputs, groups: tuple[str, ...], *, python: str, root: Path, near: Lock | None, upgrade: bool
) -> Lock:
    by_platform: dict[str, tuple[Pin, ...]] = {}
    wanted = inputs.wanted(groups)
    project = project_asking(inputs.uv, wanted, groups=groups, root=root)
    for platform in inputs.platforms:
        keep = "".join(f"{pin.name}=={pin.version}\n" for pin in near.pins_on(platform).values()) if near else ""
        keep = keep or "".join(f"{pin.name}=={pin.version}\n" for pins in by_platform.values() for pin in pins)
        by_platform[platform] = resolve(
            wanted, platform=platform, python=python, root=root, keep=keep, upgrade=upgrade and not by_platform,
            project=project,
        )  # fmt: skip
    return Lock(inputs.digest(groups, python), python, inputs.platforms, groups, merge_pins(by_platform))


def _write(file: Path, text: str) -> None:
    """Write a lock whole or not at all."""
    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except OSError as error:
        raise ConfigError(
            f"{str(file)!r} can't be written: {error.strerror or error}.",
            "The lock stands in the project folder.",
            "Make the folder writable.",
        ) from error


def _versions(lock: Lock | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for pin in lock.pins if lock else ():
        found[pin.name] = f"{found[pin.name]}, {pin.version}" if pin.name in found else pin.version
    return found
