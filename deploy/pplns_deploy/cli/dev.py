"""`pplns dev`: the service on this machine, with schedules and topics as in the cloud, until Ctrl-C."""

import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pplns.errors import ConfigError, PplnsError
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import INTERRUPTED
from pplns_deploy.cli.listening import check_port, work_until_told
from pplns_deploy.cli.opening import load_project
from pplns_deploy.cli.options import examples, project_option, store_option

if TYPE_CHECKING:
    from pplns.settings import Settings
    from pplns_deploy.dev.development import Development

DEFAULT_PORT = 6789
COLORS = {"→": "cyan", "✓": "green", "✗": "red", "+": "cyan", "-": "yellow"}


@click.command(
    epilog=examples(
        "pplns dev",
        "pplns dev --fire daily_orders",
        "pplns dev --no-schedules --port 8080",
        "pplns dev --backoff 1",
    )
)
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(1, 65535), metavar="PORT",
    help="The service's port.",
)  # fmt: skip
@click.option(
    "--fire", multiple=True, metavar="NAME",
    help="Fire a schedule now, as by hand in the Cloud console: its name or its pipeline's. Where `pplns dev` runs for "
    "this project already, it is asked to.",
)  # fmt: skip
@click.option("--no-schedules", is_flag=True, help="Fire no schedule by itself.")
@click.option(
    "--backoff", default=10.0, show_default=True, type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
    help="The first wait before a message is sent again. The other waits, those of schedules too, change with it.",
)  # fmt: skip
@click.option(
    "--attempts", default=100, show_default=True, type=click.IntRange(1, 100), metavar="N",
    help="How often a message is sent before it is a dead letter.",
)  # fmt: skip
@store_option
@project_option
@click.pass_context
def dev(
    context: click.Context,
    *,
    port: int,
    fire: tuple[str, ...],
    no_schedules: bool,
    backoff: float,
    attempts: int,
    store: str | None,
    project: Path | None,
) -> None:
    """Serve the project on this machine, as the cloud would.

    Starts the service and starts it again when one of the project's Python files changes. Fires the schedules that
    pipelines declare as Cloud Scheduler does, and delivers messages of their topics as Pub/Sub does: built in, or
    those of Google's emulator where PUBSUB_EMULATOR_HOST is set. Ends with Ctrl-C: a run that is under way stops after
    its step, and what was not delivered is said.
    """
    console: Console = context.obj
    settings = load_project(project, store=store)
    from pplns_deploy.dev.presence import find_running

    running = find_running(settings.root)
    if running is not None and fire:
        from pplns_deploy.dev.presence import fire_in

        for name in fire:
            console.say(f"Asked `pplns dev` at {running.service_url} to fire {fire_in(running, name)}.")
        return
    if running is not None:
        raise _runs_already(running.service_url, running.pid)
    check_port(port)
    _develop(context, console, settings, _Wishes(port, fire, not no_schedules, backoff, attempts))


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What the flags ask for."""

    port: int
    fire: tuple[str, ...]
    has_schedules: bool
    backoff_s: float
    attempts: int


def _develop(context: click.Context, console: Console, settings: "Settings", wishes: _Wishes) -> None:
    from pplns_deploy.dev.development import Development
    from pplns_deploy.dev.emulation import Timing

    development = Development(
        settings, port=wishes.port, environ=os.environ, report=_Lines(console),
        timing=Timing.shortened(settings, first_s=wishes.backoff_s, attempts=wishes.attempts),
        has_schedules=wishes.has_schedules,
    )  # fmt: skip
    try:
        work_until_told(lambda: development.run(fire=wishes.fire))
    except KeyboardInterrupt:
        console.say("\nEnding. A run that is under way stops after its step.")
    finally:
        _end(development, console)
    context.exit(INTERRUPTED)


def _end(development: "Development", console: Console) -> None:
    left = development.end()
    for line in left:
        console.warn(line)


class _Lines:
    """Writes a line for whatever happens: the time, what it is about, and what is said."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._one_at_a_time = threading.Lock()

    def __call__(self, about: str, text: str) -> None:
        """Write a line; one of the service's own log as it is."""
        if about == "log":
            with self._one_at_a_time:
                self._console.say(text)
            return
        color = COLORS.get(text[:1])
        shown = f"{click.style(text[0], fg=color)}{text[1:]}" if color else text
        now = datetime.now(UTC).astimezone()
        with self._one_at_a_time:
            self._console.say(f"{click.style(f'{now:%H:%M:%S}', dim=True)} {about:<8} {shown}")


def _runs_already(url: str, pid: int) -> PplnsError:
    return ConfigError(
        f"`pplns dev` runs for this project already: {url}, process {pid}.",
        "One at a time fires its schedules.",
        "Use that one, or end it with Ctrl-C.",
    )
