"""Who holds a lease, and whether that process is gone for certain.

On one machine a holder that died needn't be waited for. Gone means: same boot and same process id namespace as ours,
and no such process, or one that started at another time. Where any of this can't be read, only expiry ends a lease."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pplns.model.ids import new_token

_active: set[str] = set()
_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that works on a run. All but `id` are None where the system doesn't tell them."""

    id: str
    boot: str | None = None
    pid_namespace: str | None = None
    pid: int | None = None
    process_start: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the holder as the lease records it."""
        return {
            "id": self.id, "boot": self.boot, "pid_namespace": self.pid_namespace, "pid": self.pid,
            "process_start": self.process_start,
        }  # fmt: skip

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Holder":
        """Return the holder in a lease; what is missing is None."""
        known = ("boot", "pid_namespace", "pid", "process_start")
        return cls(id=str(record.get("id", "")), **{key: record.get(key) for key in known})


def this_holder() -> Holder:
    """Return a new holder: a random id and what identifies this process on this machine."""
    pid = os.getpid()
    return Holder(
        id=new_token(), boot=_boot(), pid_namespace=_pid_namespace(), pid=pid, process_start=_process_start(pid)
    )


def mark_active(holder: Holder, *, active: bool) -> None:
    """Note that a holder of this process works, or works no more."""
    with _guard:
        if active:
            _active.add(holder.id)
        else:
            _active.discard(holder.id)


def is_gone(holder: Holder) -> bool:
    """Tell whether a holder is gone for certain; False where that can't be known."""
    here = (_boot(), _pid_namespace())
    if None in here or (holder.boot, holder.pid_namespace) != here:
        return False
    if holder.pid is None or holder.process_start is None:
        return False
    if holder.pid == os.getpid() and holder.process_start == _process_start(holder.pid):
        return holder.id not in _active
    return _process_start(holder.pid) != holder.process_start


def _boot() -> str | None:
    return _read("/proc/sys/kernel/random/boot_id")


def _pid_namespace() -> str | None:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return None


def _process_start(pid: int) -> str | None:
    """Return the start of a process in clock ticks since boot (field 22 of proc(5) stat); None if there is none."""
    stat = _read(f"/proc/{pid}/stat")
    if stat is None:
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in ("Z", "X") else rest[18]


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
