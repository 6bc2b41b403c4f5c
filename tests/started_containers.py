"""What becomes of a container that is started: the command of the image, asked as the startup probe of Cloud Run asks.

Nothing runs in the stand-in of Cloud Run; it is told what a process here has come to, and what that wrote."""

import http.client
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from pplns_deploy.dev import tether
from service import free_port, is_listening, wait_for

COMMAND = [sys.executable, "-m", tether.__name__, "pplns.server"]  # so that nothing is left of tests that are killed
PROBE_SECONDS = 1.0
# What Cloud Run says of containers; https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start
PROBE_FAILED = "The user-provided container failed the configured startup probe checks."
NOT_LISTENING = (
    "The user-provided container failed to start and listen on the port defined provided by the PORT=8080 environment"
    " variable within the allocated timeout."
)
PIPELINE = """
{code}
from pplns import pipeline, step

@step
def one():
    return 1

@pipeline
def sales():
    return one()
"""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a pipeline: a line of code at the head of its file, variables of its container, whether it listens
    where it is asked, and words that it writes once that can be said of it."""

    code: str = ""
    environ: dict[str, str] = field(default_factory=dict[str, str])
    is_asked_elsewhere: bool = False
    writes: str = ""


def start_container(version: Version, folder: Path) -> tuple[str, list[str]]:
    """Start a version's container, and return why it doesn't come up, in Cloud Run's words, with the lines it wrote.

    Where it comes up there is no reason."""
    port, log = free_port(), folder / "container.log"
    (folder / "sales.py").write_text(PIPELINE.format(code=version.code))
    (folder / "pyproject.toml").write_text("[tool.pplns]\n")
    given = {"PPLNS_PIPELINES": str(folder), "PPLNS_PIPELINE": "sales", "PPLNS_STORE": "memory:", "PORT": str(port)}
    with log.open("wb") as written, subprocess.Popen(
        COMMAND, env={**os.environ, **given, **version.environ}, cwd=folder, stdin=subprocess.PIPE, stdout=written,
        stderr=written,
    ) as process:  # fmt: skip
        try:
            wait_for(lambda: process.poll() is not None or (is_listening(port) and version.writes in log.read_text()))
            reason = _reason(process.poll(), free_port() if version.is_asked_elsewhere else port)
        finally:
            process.kill()
    return reason, [line for line in log.read_text().splitlines() if line]


def _reason(ended: int | None, port: int) -> str:
    if ended is not None:
        return f"Container called exit({ended})."
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/health")
        return "" if connection.getresponse().status == 200 else PROBE_FAILED
    except ConnectionRefusedError:
        return NOT_LISTENING
    except TimeoutError:
        return PROBE_FAILED
    finally:
        connection.close()
