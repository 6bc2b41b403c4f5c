"""`pplns trigger` and `pplns run --url`: run a pipeline on a service, with the progress that a run here has."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns.errors import ConfigError, ParameterError
from pplns.model.frozen import Frozen
from pplns_deploy.cli.completion import complete_pipelines
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import RUN_FAILED, Stopped, write_error
from pplns_deploy.cli.options import Command, bundled, examples, json_option, params_option, project_option
from pplns_deploy.cli.progress import LineProgress, open_progress
from pplns_deploy.cli.records import ending_lines
from pplns_deploy.cli.words import parse_params

if TYPE_CHECKING:
    from pplns.model.run import RunRecord
    from pplns.typed import StrPath
    from pplns_deploy.dev.presence import Presence
    from pplns_deploy.service_client import ServiceClient

TOKEN_VARIABLE = "PPLNS_TOKEN"


class Service(Frozen):
    """The service that a command names, and the token for it."""

    url: str | None
    token: str | None


def service_options(command: Command) -> Command:
    """Add `--url URL` and `--token TOKEN`, as the argument `service`."""
    token = click.option(
        "--token", metavar="TOKEN", envvar=TOKEN_VARIABLE,
        help=f"The identity token to send to the service; else {TOKEN_VARIABLE}, else that of the Google account here.",
    )  # fmt: skip
    url = click.option("--url", metavar="URL", help="The service to run it on.")
    return url(token(bundled(Service, "service", "url", "token")(command)))


@click.command(
    epilog=examples(
        "pplns trigger nyc_flights --url http://127.0.0.1:6789",
        "pplns trigger nyc_flights -p month=2013-01",
        "pplns trigger nyc_flights --env prod",
        "pplns trigger nyc_flights --async",
    )
)
@click.argument("name", shell_complete=complete_pipelines)
@params_option
@click.option("--async", "is_async", is_flag=True, help="Don't wait: a message to the pipeline's topic will run it.")
@service_options
@click.option("--env", metavar="NAME", help="The environment that it is deployed to, in the place of --url.")
@json_option
@project_option
@click.pass_obj
def trigger(
    console: Console,
    *,
    name: str,
    params: Sequence[str],
    is_async: bool,
    service: Service,
    env: str | None,
    project: Path | None,
) -> int:
    """Run a pipeline on a service.

    Shows each step as `pplns run` does and ends with the same exit codes. With --env it is the deployed service,
    called as the environment's invoke account. Without --env and --url it is that of the `pplns dev` that runs for
    the project.
    """
    if env is not None and service.url is not None:
        raise click.UsageError("--env says which service it is, so --url goes without it.", click.get_current_context())
    sent = parse_params(params)
    client = (
        client_of(url_of_service(service.url, project), service.token)
        if env is None
        else _deployed_client(name, env, project, service.token)
    )
    if not is_async:
        return run_on_service(console, name, sent, client=client)
    record = client.start(name, sent)
    if console.as_json:
        console.document(record.as_json())
        return 0
    console.say(f"Run {record.run_id} of {name} is {record.state}.")
    console.say(f"Look closer: {client.url.rstrip('/')}/pipelines/{name}/runs/{record.run_id}")
    return 0


def run_on_service(console: Console, name: str, params: Mapping[str, Any], *, client: "ServiceClient") -> int:
    """Run a pipeline on a service with progress, report the end, and return the exit code: 1 unless it succeeded."""
    progress, began = open_progress(console), time.monotonic()
    try:
        record = client.run(name, params, observer=progress)
    except KeyboardInterrupt:
        raise Stopped(_how_to_go_on(client.url, progress)) from None
    finally:
        progress.close()
    if console.as_json:
        console.document(record.as_json())
    else:
        _write_ending(console, record, client, took_s=time.monotonic() - began)
    return 0 if record.state == "succeeded" else RUN_FAILED


def client_of(url: str, token: str | None) -> "ServiceClient":
    """Return a client of a service; where the URL is https and no token is given, one is found for each call.

    Raises: ParameterError for what is no URL."""
    if not url.startswith(("http://", "https://")):
        raise ParameterError(
            f"--url {url!r} is no URL.",
            "A service answers at http:// or https://.",
            "Write it like http://127.0.0.1:6789.",
        )
    from pplns_deploy.service_client import ServiceClient

    return ServiceClient(url, _finder(url, token))


def _deployed_client(name: str, env: str, project: Path | None, token: str | None) -> "ServiceClient":
    """Return a client of the service of a deployed pipeline.

    Raises: ConfigError, NotFoundError."""
    import os

    from pplns_deploy.cli.deployments import find_target
    from pplns_deploy.deploying.reaching import find_deployed
    from pplns_deploy.service_client import ServiceClient

    found = find_deployed(name, find_target(project, env).environment, environ=os.environ)
    return ServiceClient(found.url, found.find_token if token is None else lambda: token, host=found.host)


def _finder(url: str, token: str | None) -> Callable[[], str | None]:
    if token is not None or not url.startswith("https://"):
        return lambda: token
    from pplns_deploy.identity import IdentityTokens

    return IdentityTokens(url)


def url_of_service(url: str | None, project: "StrPath | None") -> str:
    """Return the URL of a service: what is given, else that of the `pplns dev` that runs for a project.

    Where it is that one and reloads, wait until it answers again.

    Raises: ConfigError where there is none, or where it doesn't come up."""
    from pplns_deploy.dev.presence import wait_for_service

    running = _running_dev(project, url)
    if running is not None:
        wait_for_service(running)
        return url or running.service_url
    if url is None:
        raise ConfigError(
            "No service is named, and `pplns dev` doesn't run for this project.",
            "--url says which service runs the pipeline.",
            "Name where it is deployed, --env ENV, or give --url URL, or start `pplns dev`.",
        )
    return url


def _running_dev(project: "StrPath | None", url: str | None) -> "Presence | None":
    """Return the `pplns dev` that runs for a project, or None; where a URL is given, only one that answers there."""
    from pplns.settings import find_project
    from pplns_deploy.dev.presence import find_running

    try:
        running = find_running(find_project(project or Path.cwd()))
    except ConfigError:
        if url is None:
            raise
        return None  # who names a service needs no project
    here = None if url is None else url.rstrip("/").replace("//localhost:", "//127.0.0.1:")
    return running if running is None or here in (None, running.service_url) else None


def _how_to_go_on(url: str, progress: LineProgress) -> str:
    if progress.run is None:
        return "The service may have begun a run all the same."
    pipeline, run_id = progress.run
    at = f"{url.rstrip('/')}/pipelines/{pipeline}/runs/{run_id}"
    return f"The run goes on in the service: see {at}, or end it: curl --request POST {at}:cancel"


def _write_ending(console: Console, record: "RunRecord", client: "ServiceClient", *, took_s: float) -> None:
    if record.error is not None:
        write_error(console, record.error.message, record.error.hint, trace=record.error.traceback)
    for line in ending_lines(record, took_s=took_s):
        console.say(line)
    console.say(f"Look closer: {client.url.rstrip('/')}/pipelines/{record.pipeline}/runs/{record.run_id}")
