"""`pplns event`: the request that Cloud Scheduler, Pub/Sub or Eventarc would send, to look at and to send by hand."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pplns.errors import ParameterError
from pplns_deploy.cli.completion import complete_pipelines
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import write_error
from pplns_deploy.cli.messages import attributes_option, data_of, parse_attributes, warn_of_unknown
from pplns_deploy.cli.nearest import NearChoice
from pplns_deploy.cli.opening import load_project
from pplns_deploy.cli.options import bundled, examples, params_option, project_option
from pplns_deploy.cli.words import parse_params

if TYPE_CHECKING:
    from pplns_deploy.dev.events import Wanted
    from pplns_deploy.dev.outgoing import Outgoing

DEFAULT_URL = "http://127.0.0.1:6789"  # of `pplns dev`
KINDS = ("scheduler", "pubsub", "cloudevent")


@dataclass(frozen=True, slots=True)
class _Sent:
    """What the request carries."""

    params: Sequence[str]
    data: str | None
    attributes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which trigger sends the request, and the time that it is for."""

    schedule: str | None
    topic: str | None
    event_type: str | None
    at: str | None


@dataclass(frozen=True, slots=True)
class _Form:
    """As what the request is printed."""

    form: str
    shell: str


@click.command(
    epilog=examples(
        "pplns event scheduler daily_orders",
        "pplns event scheduler daily_orders --at 2013-02-01T06:00:00Z | sh",
        "pplns event pubsub nyc_flights -p month=2013-01",
        "pplns event pubsub nyc_flights --attribute kind=daily --format json",
        'pplns event cloudevent nyc_flights --data \'{"month": "2013-01"}\'',
        "pplns event scheduler daily_orders --shell powershell",
    )
)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name", shell_complete=complete_pipelines)
@params_option
@click.option("--schedule", metavar="NAME", help="The schedule, where the pipeline has several: its name or cron line.")
@click.option("--topic", metavar="NAME", help="The topic, where the pipeline has several.")
@click.option("--data", metavar="TEXT", help="The data of a message or event, in place of -p.")
@attributes_option
@click.option("--type", "event_type", metavar="TYPE", help="The type of a CloudEvent; by default a Pub/Sub message's.")
@click.option(
    "--at", metavar="TIME",
    help="The time it is for, as 2013-01-05T06:00:00Z: by default now, of a schedule its last time up to now.",
)  # fmt: skip
@click.option(
    "--url", metavar="URL",
    help=f"The service; by default that of the `pplns dev` that runs for the project, else {DEFAULT_URL}.",
)  # fmt: skip
@click.option(
    "--format", "form", type=NearChoice(("curl", "json")), metavar="FORMAT", default="curl", show_default=True,
    help="curl, a command that sends it, or json.",
)  # fmt: skip
@click.option(
    "--shell", type=NearChoice(("posix", "powershell")), metavar="SHELL", default="posix", show_default=True,
    help="What will read the command: posix or powershell.",
)  # fmt: skip
@project_option
@click.pass_obj
@bundled(_Sent, "sent", "params", "data", "attributes")
@bundled(_Chosen, "chosen", "schedule", "topic", "event_type", "at")
@bundled(_Form, "form", "form", "shell")
def event(
    console: Console,
    *,
    kind: str,
    name: str,
    url: str | None,
    sent: _Sent,
    chosen: _Chosen,
    form: _Form,
    project: Path | None,
) -> None:
    """Print the request that Google would send.

    Headers and body are those of Cloud Scheduler, of a Pub/Sub push, or of a CloudEvent as Eventarc sends it. Piped to
    `sh` the request is sent. Nothing but the identity token is missing, which `pplns dev` doesn't ask for.
    """
    settings = load_project(project)
    from pplns.loader import load_pipeline
    from pplns_deploy.cli.descriptions import pipeline_json
    from pplns_deploy.dev.events import Wanted

    _check_fits(kind, chosen, sent)
    time = _time(chosen.at)
    pipeline = load_pipeline(settings, name)
    warn_of_unknown(console, pipeline, sent.params)
    wanted = Wanted(
        pipeline=pipeline_json(pipeline), url=url or _url_of_dev(settings.root), now=time or datetime.now(UTC),
        is_given_time=time is not None, params=parse_params(sent.params), schedule=chosen.schedule, topic=chosen.topic,
        data=data_of(sent.params, sent.data), attributes=parse_attributes(sent.attributes),
        event_type=chosen.event_type,
    )  # fmt: skip
    request, warning = _request(kind, wanted)
    if warning:
        write_error(console, warning, "", kind="Warning")
    console.say(_written(request, form))


def _url_of_dev(root: Path) -> str:
    from pplns_deploy.dev.presence import find_running

    running = find_running(root)
    return DEFAULT_URL if running is None else running.service_url


def _request(kind: str, wanted: "Wanted") -> "tuple[Outgoing, str]":
    from pplns_deploy.dev.events import cloudevent_of, push_of, scheduler_of

    make = {"scheduler": scheduler_of, "pubsub": push_of, "cloudevent": cloudevent_of}
    return make[kind](wanted)


def _written(request: "Outgoing", form: _Form) -> str:
    from pplns_deploy.dev.shells import as_curl, as_powershell

    if form.form == "json":
        return json.dumps(request.as_json(), indent=2)
    return as_powershell(request) if form.shell == "powershell" else as_curl(request)


def _check_fits(kind: str, chosen: _Chosen, sent: _Sent) -> None:
    """Refuse an option of another kind of request."""
    of_messages = ("pubsub", "cloudevent")
    given: list[tuple[str, object, tuple[str, ...]]] = [
        ("--schedule", chosen.schedule, ("scheduler",)), ("--type", chosen.event_type, ("cloudevent",)),
        ("--topic", chosen.topic, of_messages), ("--data", sent.data, of_messages),
        ("--attribute", sent.attributes or None, of_messages),
    ]  # fmt: skip
    for flag, value, kinds in given:
        if value is not None and kind not in kinds:
            raise ParameterError(
                f"{flag} is given for a request of {kind}.", f"It is for {' and '.join(kinds)}.", f"Leave {flag} out."
            )


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ParameterError(
            f"--at {text!r} is no time.",
            "A time is written as in RFC 3339; without an offset it is UTC.",
            "Write it like --at 2013-01-05T06:00:00Z.",
        ) from None
