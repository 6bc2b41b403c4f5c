"""What the commands that listen on this machine have in common: a port of their own, and how they end."""

import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager

from pplns.errors import ConfigError

HOST = "127.0.0.1"


def check_port(port: int) -> None:
    """Refuse a port that another program has: its answers would be taken for the service's.

    Raises: ConfigError."""
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the service itself binds it
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigError(
                f"Port {port} can't be used: {error.strerror or error}.",
                "The service listens on it.",
                "End the program that has it, or choose another one with --port.",
            ) from None


@contextmanager
def ended_by_signals() -> Generator[None]:
    """Take SIGTERM for Ctrl-C: the service is ended too, and nothing is left behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
