"""A project whose pipeline is triggered in every way, and `pplns dev` of it as a process."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest

SECONDS = 60  # until a line comes, on a busy machine
SHOP = '''"""A shop whose region decides how its runs end."""
import time
from datetime import date
from pathlib import Path

from pplns import PubSub, RetryableError, Schedule, TerminalError, logical_date, pipeline, step


@step
def load(day: date, region: str) -> list[str]:
    print("loading", region)
    while region == "waiting" and not Path("go").exists():
        time.sleep(0.01)
    if region == "poison":
        raise TerminalError("there is no such region")
    if region == "never":
        raise RetryableError("the region sleeps for ever")
    if region == "flaky" and not Path("seen").exists():
        Path("seen").touch()
        raise RetryableError("the region sleeps")
    return [day.isoformat(), region]


@step
def save(rows: list[str]) -> str:
    return "/".join(rows)


@pipeline(
    triggers=[
        Schedule("0 6 1 1 *", timezone="America/New_York", params={"region": "yearly"}, name="new-year"),
        PubSub("orders-landed", filter='attributes.kind = "daily"', params={"region": "message"}),
    ]
)
def shop(day: date = logical_date(), region: str = "none"):
    return save(load(day, region))
'''


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one pipeline, and the current folder."""
    folder = tmp_path / "shop"
    (folder / "pipelines").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.pplns]\n")
    (folder / "pipelines" / "shop.py").write_text(SHOP)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document that stdout holds."""
        return json.loads(self.out)


def call(folder: Path, *arguments: str, **environ: str) -> Answer:
    """Run `pplns` in a project, as a shell would."""
    ended = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "pplns_deploy", *arguments], cwd=folder, env={**os.environ, **environ},
        stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=SECONDS, check=False,
    )  # fmt: skip
    return Answer(ended.returncode, ended.stdout, ended.stderr)


@dataclass
class Dev:
    """A `pplns dev` that runs, and the lines that it wrote."""

    process: "subprocess.Popen[str]"
    folder: Path
    url: str
    seen: list[str] = field(default_factory=list[str])
    lines: "SimpleQueue[str]" = field(default_factory=SimpleQueue)

    def read(self) -> None:
        """Take its lines as they come, in a thread of its own."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def until(self, *words: str) -> str:
        """Return the next line that has all of some words."""
        while True:
            try:
                self.seen.append(self.lines.get(timeout=SECONDS))
            except Empty:
                raise AssertionError(f"no line with {words}; the lines were\n" + "\n".join(self.seen)) from None
            if all(word in self.seen[-1] for word in words):
                return self.seen[-1]

    def call(self, *arguments: str) -> Answer:
        """Run `pplns` in the same project."""
        return call(self.folder, *arguments)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@pytest.fixture
def developing(shop: Path, free_port: int) -> Iterator[Callable[..., Dev]]:
    """Start `pplns dev` of the shop on a free port, and wait until its service answers."""
    begun: list[Dev] = []

    def start(*arguments: str, **environ: str) -> Dev:
        process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-u", "-m", "pplns_deploy", "dev", "--port", str(free_port), *arguments],
            cwd=shop, env={**os.environ, **environ}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip
        dev = Dev(process, shop, f"http://127.0.0.1:{free_port}")
        begun.append(dev)
        threading.Thread(target=dev.read, daemon=True).start()
        dev.until("answers at")
        return dev

    yield start
    for dev in begun:
        if dev.process.poll() is None:
            dev.end()
        assert dev.process.stdout is not None
        dev.process.stdout.close()
