"""`python -m pplns_deploy.dev.tether MODULE …`: run a module that ends when whoever started it is gone.

The starter holds the other end of stdin. When it dies, however that happens, the pipe ends. A service would otherwise
go on, and keep the port. It is killed at once, not asked: nobody reads what it writes any more, and a step that prints
would fail of that. What is committed stays.

A byte says that the process is about to be ended (`tell_to_drain`): runs stop at their step boundary, as they do in the
container on SIGTERM, which functions-framework doesn't tell of. gunicorn's workers are forked from this process: each
reads a byte from a pipe of its parent. A process that has forked none (Windows) answers for itself, and ends."""

import contextlib
import os
import runpy
import signal
import sys
import threading

GONE = 1
TOLD = b"." * 64  # one for each worker that may be there
ANSWER_SECONDS = 8.0  # for what is under way


def main() -> None:
    """Run the module that the command line names, with the rest of it."""
    tether = _Tether()
    threading.Thread(target=tether.listen, name="tether", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def tell_to_drain(stdin: int) -> None:
    """Tell a tethered process, by the descriptor that its stdin ends in, that it is about to be ended."""
    os.write(stdin, TOLD[:1])


class _Tether:
    """What ties this process to its starter. Takes no lock that a fork could leave held."""

    def __init__(self) -> None:
        self._stdin = _take_stdin()
        self._pid = os.getpid()
        self._has_forked = False
        self._reader, self._writer = os.pipe()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_parent=self._note_fork, after_in_child=self._listen_in_child)

    def listen(self) -> None:
        """Pass on that the end is near, and kill this process, and those that it forked, when the pipe ends."""
        with contextlib.suppress(OSError):
            while os.read(self._stdin, 1):
                if self._has_forked:
                    os.write(self._writer, TOLD)
                else:
                    _drain_and_end()
        if os.name != "nt" and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(GONE)

    def _note_fork(self) -> None:
        self._has_forked = True

    def _listen_in_child(self) -> None:
        if os.getppid() == self._pid:  # not what a step forks
            threading.Thread(target=self._drain_when_told, name="tether", daemon=True).start()

    def _drain_when_told(self) -> None:
        if os.read(self._reader, 1):
            from pplns.server.process import PROCESS

            PROCESS.drain.begin()


def _drain_and_end() -> None:
    """End this process once what is under way is answered."""
    from pplns.server.process import PROCESS

    PROCESS.drain.begin()
    PROCESS.wait_until_idle(ANSWER_SECONDS)
    os._exit(0)


def _take_stdin() -> int:
    """Return the pipe; what reads stdin finds it empty."""
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return pipe


if __name__ == "__main__":
    main()
