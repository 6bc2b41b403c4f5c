"""`pplns publish`: a message to a topic of a pipeline, through the running `pplns dev` or Google's emulator."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from pplns.errors import ConfigError
from pplns_deploy.cli.completion import complete_pipelines
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.messages import attributes_option, data_of, parse_attributes, warn_of_unknown
from pplns_deploy.cli.opening import load_project
from pplns_deploy.cli.options import examples, json_option, params_option, project_option


@click.command(
    epilog=examples(
        'pplns publish daily_orders --data \'{"day": "2013-01-05"}\'',
        "pplns publish daily_orders -p day=2013-01-05 --attribute kind=daily",
        "pplns publish daily_orders --topic returns-landed --ordering-key shop-7",
    )
)
@click.argument("name", shell_complete=complete_pipelines)
@params_option
@click.option("--data", metavar="TEXT", help="The data of the message, in place of -p.")
@attributes_option
@click.option("--ordering-key", default="", metavar="KEY", help="The ordering key of the message.")
@click.option("--topic", metavar="NAME", help="The topic, where the pipeline has several.")
@json_option
@project_option
@click.pass_obj
def publish(
    console: Console,
    *,
    name: str,
    params: Sequence[str],
    data: str | None,
    attributes: Sequence[str],
    ordering_key: str,
    topic: str | None,
    project: Path | None,
) -> None:
    """Publish a message to a topic of a pipeline.

    NAME is the pipeline: the topic is that of its PubSub trigger, or the pipeline's own where it declares none. The
    message goes to the `pplns dev` that runs for the project, else to Google's emulator at PUBSUB_EMULATOR_HOST.
    """
    settings = load_project(project)
    from pplns.loader import load_pipeline
    from pplns_deploy.cli.descriptions import pipeline_json
    from pplns_deploy.dev import google_emulator
    from pplns_deploy.dev.events import topic_of

    pipeline = load_pipeline(settings, name)
    warn_of_unknown(console, pipeline, params)
    found = pipeline_json(pipeline)
    text = data_of(params, data)
    sent = parse_attributes(attributes)
    if not text and not sent:
        text = "{}"  # Pub/Sub takes no message without data and attributes
    host, gcp_project = _broker(settings.root)
    whole = topic_of(found, topic, gcp_project)
    message_id = google_emulator.publish(host, whole, (text or "").encode(), attributes=sent, ordering_key=ordering_key)
    if console.as_json:
        console.document({"topic": whole, "message_id": message_id})
        return
    console.say(f"Published {message_id} to {whole}.")


def _broker(root: Path) -> tuple[str, str]:
    """Return the address of the broker, and the project of Google Cloud that its topics are in.

    Raises: ConfigError where none runs."""
    from pplns_deploy.dev.development import LOCAL_PROJECT
    from pplns_deploy.dev.presence import find_running

    running = find_running(root)
    if running is not None:
        return running.broker, running.gcp_project
    emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
    if emulator:
        return emulator, os.environ.get("GOOGLE_CLOUD_PROJECT") or LOCAL_PROJECT
    raise ConfigError(
        "Nothing takes messages: `pplns dev` doesn't run for this project, and PUBSUB_EMULATOR_HOST isn't set.",
        "A message goes to the one or the other.",
        "Start `pplns dev` in another terminal.",
    )
