"""`python -m pplns_deploy.dev.tether MODULE …`: run a module that ends when whoever started it is gone.

The starter holds the other end of stdin and never writes: when it dies, however that happens, the pipe ends. A service
would otherwise go on, and keep the port. It is killed at once, not asked: nobody reads what it writes any more, and a
step that prints would fail of that. What is committed stays."""

import contextlib
import os
import runpy
import signal
import sys
import threading

GONE = 1


def main() -> None:
    """Run the module that the command line names, with the rest of it."""
    threading.Thread(target=_end_with, args=(_take_stdin(),), name="tether", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _take_stdin() -> int:
    """Return the pipe; what reads stdin finds it empty."""
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return pipe


def _end_with(pipe: int) -> None:
    """Kill this process, and those that it forked, when the pipe ends. Takes no lock that a fork could leave held."""
    with contextlib.suppress(OSError):
        os.read(pipe, 1)
    if os.name != "nt" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(GONE)


if __name__ == "__main__":
    main()
