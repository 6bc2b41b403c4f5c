"""What a project declares: its schedules and topics, as `pplns list --json` tells them.

Asked of a process of its own, each time a file changes: what the files do on import stays there, and so do modules
that have changed since."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pplns.errors import ConfigError, DefinitionError
from pplns_deploy.dev.broker import Subscription
from pplns_deploy.dev.filters import parse_filter
from pplns_deploy.dev.schedules import DeclaredSchedule

SECONDS = 120  # for importing every pipeline file


@dataclass(frozen=True, slots=True)
class Declared:
    """The pipelines of a project, their schedules and subscriptions; `broken` is a line for each file that is."""

    pipelines: tuple[str, ...]
    schedules: tuple[DeclaredSchedule, ...]
    subscriptions: tuple[Subscription, ...]
    broken: tuple[str, ...] = ()


def ask_declared(root: Path, *, gcp_project: str, environ: Mapping[str, str]) -> Declared:
    """Import the pipelines of a project in a process of its own, and return what they declare.

    Raises: ConfigError where none could be loaded."""
    command = [sys.executable, "-X", "utf8", "-m", "pplns_deploy", "list", "--json", "--project", str(root)]
    asked = subprocess.run(
        command,
        cwd=root,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    try:
        found = json.loads(asked.stdout)
    except ValueError:
        raise ConfigError(
            f"The pipelines of {str(root)!r} can't be listed: {asked.stderr.decode(errors='replace').strip()[-2000:]}",
            "`pplns list --json` writes one JSON document.",
            "Run `pplns list` to see what is wrong.",
        ) from None
    if "error" in found:
        raise ConfigError(found["error"]["message"], "", found["error"]["hint"])
    return declared_in(found, gcp_project=gcp_project)


def declared_in(listing: Mapping[str, Any], *, gcp_project: str) -> Declared:
    """Return what the document of `pplns list --json` declares.

    Raises: DefinitionError for a filter that Pub/Sub would refuse."""
    pipelines = listing["pipelines"]
    subscriptions = [one for pipeline in pipelines for one in _subscriptions(pipeline, gcp_project)]
    for one in subscriptions:
        _check_filter(one)
    return Declared(
        pipelines=tuple(pipeline["pipeline"] for pipeline in pipelines),
        schedules=tuple(one for pipeline in pipelines for one in schedules_of(pipeline)),
        subscriptions=tuple(subscriptions),
        broken=tuple(f"{one['file']}:{one['line'] or 1}: {one['message']}" for one in listing["broken"]),
    )


def _check_filter(subscription: Subscription) -> None:
    try:
        parse_filter(subscription.filter)
    except DefinitionError as error:
        topic = subscription.topic.rpartition("/")[2]
        met = f"Pipeline {subscription.pipeline!r}, PubSub({topic!r}): {error.met}"
        raise DefinitionError(met, error.expected, error.remedy) from None


def schedules_of(pipeline: Mapping[str, Any]) -> Iterator[DeclaredSchedule]:
    """Yield the schedules of a pipeline, each with the name that its Scheduler job has here."""
    declared = [one for one in pipeline["triggers"] if one["kind"] == "schedule"]
    for number, one in enumerate(declared, start=1):
        ending = one["name"] or (str(number) if number > 1 else None)
        job_name = f"{pipeline['pipeline']}-{ending}" if ending else pipeline["pipeline"]
        yield DeclaredSchedule(pipeline["pipeline"], job_name, one["cron"], one["timezone"], one["name"], one["params"])


def own_topic(pipeline: str, gcp_project: str) -> str:
    """Return a pipeline's own topic, for continuations and runs that were asked for with `respond-async`."""
    return f"projects/{gcp_project}/topics/pplns.{pipeline}"


def dead_letter_topic(pipeline: str, gcp_project: str) -> str:
    """Return the topic of a pipeline's dead letters."""
    return f"{own_topic(pipeline, gcp_project)}.dead-letters"


def whole_topic(topic: str, gcp_project: str) -> str:
    """Return a declared topic with its project."""
    return topic if topic.startswith("projects/") else f"projects/{gcp_project}/topics/{topic}"


def own_subscription(pipeline: str, gcp_project: str) -> Subscription:
    """Return the subscription of a pipeline's own topic."""
    name = f"projects/{gcp_project}/subscriptions/pplns.{pipeline}"
    return Subscription(name, own_topic(pipeline, gcp_project), pipeline, dead_letter_topic(pipeline, gcp_project))


def pushed_topics(pipeline: Mapping[str, Any], gcp_project: str) -> Iterator[Subscription]:
    """Yield the subscriptions of a pipeline's PubSub triggers."""
    own = own_subscription(pipeline["pipeline"], gcp_project)
    for one, label in _labelled(pipeline):
        topic = whole_topic(one["topic"], gcp_project)
        yield Subscription(f"{own.name}-{label}", topic, own.pipeline, own.dead_letter_topic, one["filter"])


def _subscriptions(pipeline: Mapping[str, Any], gcp_project: str) -> Iterator[Subscription]:
    yield own_subscription(pipeline["pipeline"], gcp_project)
    yield from pushed_topics(pipeline, gcp_project)


def _labelled(pipeline: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield the PubSub triggers of a pipeline, each with the end of its subscription's name: its own, or the topic's.

    Several of one topic without names are numbered in front, since the service knows a trigger by that end."""
    declared = [one for one in pipeline["triggers"] if one["kind"] == "pubsub"]
    taken: list[str] = []
    for one in declared:
        label = one["name"] or one["topic"].rpartition("/")[2]
        taken.append(label)
        yield one, label if taken.count(label) == 1 else f"{taken.count(label)}-{label}"
