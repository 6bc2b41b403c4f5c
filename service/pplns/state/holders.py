"""Who holds a lease, and whether that process is gone for certain.

On one machine a holder that died needn't be waited for. Gone means: same boot and same process id namespace as ours,
and no such process, or one that started at another time. Where any of this can't be read, only expiry ends a lease."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Mapping

from pplns.model.frozen import Frozen
from pplns.model.ids import new_token
from pplns.state.fields import Fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_active: set[str] = set()
_guard = threading.Lock()


class Holder(Frozen):
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
    def from_json(cls, record: Mapping[str, Any]) -> Holder:
        """Return the holder in a lease; what is missing is None."""
        fields = Fields(dict(record))
        return cls(
            id=fields.text("id"), boot=fields.text_or_none("boot"), pid_namespace=fields.text_or_none("pid_namespace"),
            pid=fields.count_or_none("pid"), process_start=fields.text_or_none("process_start"),
        )  # fmt: skip


def this_holder() -> Holder:
    """Return a new holder: a random id and what identifies this process on this machine."""
    return _process(os.getpid()).replace(id=new_token())


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
    start = _process_start(holder.pid)
    if start is None:
        return not _exists(holder.pid)
    if holder.pid == os.getpid() and holder.process_start == start:
        return holder.id not in _active
    return start != holder.process_start


@functools.lru_cache(maxsize=1)  # a forked child has another number
def _process(pid: int) -> Holder:
    return Holder(id="", boot=_boot(), pid_namespace=_pid_namespace(), pid=pid, process_start=_process_start(pid))


def _exists(pid: int) -> bool:
    """Tell whether there is a process of a number, also one that may not be looked at."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _boot() -> str | None:
    return _read("/proc/sys/kernel/random/boot_id")


def _pid_namespace() -> str | None:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def _process_start(pid: int) -> str | None:
    """Return the start of a process in clock ticks since boot (field 22 of proc(5) stat); None if it isn't told.

    A zombie has ended, whoever still has to collect it: its start is nobody's."""
    stat = _read(f"/proc/{pid}/stat")
    if stat is None:
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return "ended" if state in ("Z", "X") else rest[18]


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None
