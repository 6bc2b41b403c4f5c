"""`pplns serve`: the service on this machine, by functions-framework with the container's own target."""

import http.client
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns.errors import ConfigError
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import INTERRUPTED, write_error
from pplns_deploy.cli.listening import HOST, check_port, work_until_told
from pplns_deploy.cli.opening import load_project
from pplns_deploy.cli.options import examples, project_option, store_option

if TYPE_CHECKING:
    from pplns.settings import Settings
    from pplns_deploy.dev.service import ServiceProcess

START_SECONDS = 120.0  # a file of pipelines may import for long
LOOK_SECONDS = 0.1


@click.command(epilog=examples("pplns serve", "pplns serve --port 9000 --store file:/tmp/runs"))
@click.option("--port", type=click.IntRange(1, 65535), metavar="PORT",
              help="The port to listen on; PORT in the environment, or 8080, by default.")  # fmt: skip
@store_option
@project_option
@click.pass_context
def serve(context: click.Context, *, port: int | None, store: str | None, project: Path | None) -> None:
    """Serve the pipelines over HTTP on this machine, as the container does.

    Ends with Ctrl-C: a run that is under way stops after its step, and goes on with the next delivery or by `pplns
    resume`. Listens on 127.0.0.1 only. `pplns dev` also fires schedules, delivers messages and reloads.
    """
    console: Console = context.obj
    settings = load_project(project, store=store)
    from pplns_deploy.dev.service import ServiceProcess, Start, framework_command, service_target

    port = settings.port if port is None else port
    check_port(port)
    start = Start(
        command=framework_command(port), environ={**os.environ, **_environ_of(settings), **service_target()},
        folder=settings.root, url=f"http://{HOST}:{port}",
    )  # fmt: skip
    process = ServiceProcess(start, on_line=console.say)
    try:
        work_until_told(lambda: _serve(console, process, start.url))
    except KeyboardInterrupt:
        console.say("\nEnding. A run that is under way stops after its step.")
        context.exit(INTERRUPTED)
    finally:
        process.end()


@dataclass(frozen=True, slots=True)
class _Health:
    """What `/health` answered."""

    status: int
    body: Mapping[str, Any]


def _serve(console: Console, process: "ServiceProcess", url: str) -> None:
    """Say what is served once it is up, and go on until the process ends."""
    health = _wait_until_up(process, url)
    if health.status != 200:
        error = health.body["error"]
        raise ConfigError(error["message"], "", error["hint"])
    _say_served(console, url, health.body)
    process.wait()
    raise _ended(process)


def _say_served(console: Console, url: str, health: Mapping[str, Any]) -> None:
    if "pipelines" not in health:
        console.say(f"Serving at {url}, for callers with a token (PPLNS_AUDIENCE); Ctrl-C ends it.")
        return
    names: list[str] = health["pipelines"]
    console.say(f"Serving {', '.join(names)} at {url}; Ctrl-C ends it.")
    for broken in health["broken"]:
        place = f"{broken['file']}:{broken['line']}" if broken["line"] else broken["file"]
        write_error(console, f"{place}: {broken['message']}", broken["hint"], kind="Warning")
    body = '"{\\"params\\": {}}"' if os.name == "nt" else "'{\"params\": {}}'"
    console.say(f"Try it:  curl {url}/pipelines/{names[0]}/runs -H content-type:application/json -d {body}")
    console.say(f"Look on: curl {url}/pipelines/{names[0]}/runs")


def _wait_until_up(process: "ServiceProcess", url: str) -> _Health:
    waiting = threading.Event()
    for _ in range(round(START_SECONDS / LOOK_SECONDS)):
        if process.exit_code is not None:
            raise _ended(process)
        health = _ask_health(url)
        if health is not None:
            return health
        waiting.wait(LOOK_SECONDS)
    raise ConfigError(
        f"The service didn't answer within {START_SECONDS:g} s.",
        "It answers once the files of the pipelines are imported.",
        "See what they import; `pplns list` imports them too.",
    )


def _ask_health(url: str) -> _Health | None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=START_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return _Health(answer.status, json.loads(answer.read()))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _environ_of(settings: "Settings") -> dict[str, str]:
    """Return the environment that makes the service serve this project, wherever the command was typed."""
    return {
        "PPLNS_PIPELINES": settings.pipelines_module or str(settings.pipelines),
        "PPLNS_STORE": settings.store,
    }


def _ended(process: "ServiceProcess") -> ConfigError:
    return ConfigError(
        f"The service ended by itself, with exit code {process.exit_code}.",
        "It goes on until Ctrl-C.",
        "What it wrote above says why.",
    )
