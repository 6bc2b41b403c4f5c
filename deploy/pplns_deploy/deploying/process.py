"""Terraform as a process: what it prints is read while it works, and Ctrl-C is handed on once.

It writes to a file and not to a pipe: where pplns itself is killed, Terraform goes on, saves its state and gives the
lock back. It is in a group of its own, because a second interrupt would make it end at once, without its state, and
a terminal sends Ctrl-C to all of a group. But an operation of Google's that doesn't end keeps it for twenty minutes: at
the third interrupt it is ended all the same, and what it was doing is found by the next deployment."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any, cast

POLL_SECONDS = 0.02
ENOUGH = 3  # interrupts
LAST_SECONDS = 5.0  # for Terraform to give its lock back when it is ended at once
INTERRUPTED = "pplns_interrupted"  # the type of the line that `watch` is told when an interrupt was handed on
Line = Mapping[str, Any]
LineWatcher = Callable[[Line], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, the lines of JSON that it wrote, and all else that it said."""

    code: int
    lines: tuple[Line, ...]
    rest: str


def run_terraform(
    command: Sequence[str], *, folder: Path, environ: Mapping[str, str], watch: LineWatcher, log: Path
) -> Ended:
    """Run a command to its end. An interrupt is handed on, waited for, and raised afterwards.

    Raises: KeyboardInterrupt."""
    lines: list[Line] = []
    rest: list[str] = []
    with log.open("w+b") as written, log.open("rb") as read, _noting_interrupts() as interrupts:
        process = _start(command, folder, environ, written)
        code = _follow(process, read, interrupts, take=lambda text: _take(text, lines, rest, watch), watch=watch)
    if interrupts:
        raise KeyboardInterrupt
    return Ended(code, tuple(lines), "\n".join(rest))


def _start(
    command: Sequence[str], folder: Path, environ: Mapping[str, str], written: IO[bytes]
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT,
        start_new_session=True, creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )  # fmt: skip


def _follow(
    process: "subprocess.Popen[bytes]", read: IO[bytes], interrupts: Sequence[int], *, take: Callable[[str], None],
    watch: LineWatcher,
) -> int:  # fmt: skip
    """Read until the process has ended and all is read; return its exit code."""
    is_told, begun = False, b""
    while True:
        has_ended = process.poll() is not None
        begun += read.read()
        *whole, begun = begun.split(b"\n")
        for line in whole:
            take(line.decode("utf-8", "replace"))
        if has_ended:
            take(begun.decode("utf-8", "replace"))
            return process.returncode
        if interrupts and not is_told:
            _interrupt(process)
            watch({"type": INTERRUPTED})
            is_told = True
        if len(interrupts) >= ENOUGH:
            return _end(process)
        time.sleep(POLL_SECONDS)


def _interrupt(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process to stop what it does and save its state; Go takes Ctrl-Break as an interrupt on Windows."""
    with suppress(ProcessLookupError):
        process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT) if os.name == "nt" else signal.SIGINT)


def _end(process: "subprocess.Popen[bytes]") -> int:
    """End a process that was asked to stop and doesn't, with its children; return its exit code."""
    _interrupt(process)
    try:
        return process.wait(LAST_SECONDS)
    except subprocess.TimeoutExpired:
        if os.name == "nt":
            process.kill()
        else:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def _take(text: str, lines: list[Line], rest: list[str], watch: LineWatcher) -> None:
    if not text.strip():
        return
    try:
        line: object = json.loads(text)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        rest.append(text)
        return
    known = cast("Line", line)
    lines.append(known)
    watch(known)


@contextmanager
def _noting_interrupts() -> Generator[Sequence[int]]:
    """Note signals instead of raising: an exception could come at any line. SIGTERM is what systems of CI send."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)

    before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
