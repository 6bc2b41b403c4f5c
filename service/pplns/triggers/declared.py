"""Which of a pipeline's declared triggers a request belongs to: its parameters lie underneath, its zone counts.

A Scheduler job says so in its body, or by its own name; a push by its subscription's name. Where that leaves several,
any will do if they say the same; else the request is refused, since a guess could run the wrong day."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pplns.model.names import nearest, shorten
from pplns.model.triggers import PubSub, Schedule, known_names
from pplns.steps import Pipeline
from pplns.triggers.messages import BadDelivery, PushMessage

T = TypeVar("T", Schedule, PubSub)


def label_of(trigger: Schedule | PubSub) -> str:
    """Return what tells a trigger from the pipeline's others: its name, else its cron line or its topic."""
    return trigger.name or (trigger.cron if isinstance(trigger, Schedule) else trigger.topic.rpartition("/")[2])


def schedule_of(pipeline: Pipeline[..., Any], *, named: object, job: str) -> Schedule | None:
    """Return the Schedule that a Scheduler job fires; None where the pipeline declares none.

    `named` is "schedule" of the body: a name, or the cron line of a schedule without one.

    Raises: BadDelivery."""
    found = [trigger for trigger in pipeline.triggers if isinstance(trigger, Schedule)]
    if named is not None:
        return _schedule_named(found, named, pipeline.name)
    chosen = _by_suffix(found, job)
    if chosen is not None or not found:
        return chosen
    if _all_alike([(one.timezone, one.params) for one in found]):
        return found[0].replace(name=None)
    raise BadDelivery(
        f"The Scheduler job {job!r} names none of the {len(found)} schedules of pipeline {pipeline.name!r}.",
        f"They are {_listed(found)}, and differ in time zone or parameters.",
        f'Give the job the body {{"schedule": "{label_of(found[0])}"}}, for example.',
    )


def pubsub_of(pipeline: Pipeline[..., Any], *, push: PushMessage) -> PubSub | None:
    """Return the PubSub trigger that a push comes from; None where the pipeline declares none.

    Raises: BadDelivery."""
    found = [trigger for trigger in pipeline.triggers if isinstance(trigger, PubSub)]
    chosen = _by_suffix(found, (push.subscription or "").rpartition("/")[2])
    if chosen is not None or not found:
        return chosen
    if _all_alike([one.params for one in found]):
        return found[0].replace(name=None)
    raise BadDelivery(
        f"The subscription {push.subscription!r} names none of the topics of pipeline {pipeline.name!r}.",
        f"They are {_listed(found)}, and bring different parameters.",
        "End the subscription's name with '-' and one of them.",
        push=push,
    )


def _schedule_named(found: Sequence[Schedule], named: object, pipeline: str) -> Schedule:
    for schedule in found:
        if label_of(schedule) == named:
            return schedule
    close = nearest(named[:100], map(label_of, found)) if isinstance(named, str) else None
    raise BadDelivery(
        f"Pipeline {pipeline!r} has no schedule {shorten(named)}.",
        f"Its schedules are {_listed(found)}." if found else "It declares none.",
        f"Did you mean {close!r}?" if close else 'Correct "schedule" in the body of the job.',
    )


def _by_suffix(found: Sequence[T], name: str) -> T | None:
    """Return the only trigger, the one that a deployed name ends with, or the one whose label is the longest such end.

    What is deployed is called SERVICE_NAME, and a service's name has no `_`."""
    if len(found) == 1:
        return found[0]
    kind = "schedule" if all(isinstance(one, Schedule) for one in found) else "pubsub"
    deployed = dict(zip(known_names([one.name for one in found], kind), found, strict=True))
    if (exact := deployed.get(name.partition("_")[2])) is not None:
        return exact
    named = [one for one in found if name == label_of(one) or name.endswith(f"-{label_of(one)}")]
    longest = max(named, key=lambda one: len(label_of(one)), default=None)
    alike = [one for one in named if longest is not None and label_of(one) == label_of(longest)]
    return longest if len(alike) == 1 else None


def _all_alike(found: Sequence[tuple[str, Mapping[str, Any]]] | Sequence[Mapping[str, Any]]) -> bool:
    return all(one == found[0] for one in found)


def _listed(found: Sequence[Schedule] | Sequence[PubSub]) -> str:
    return ", ".join(repr(label_of(one)) for one in found)
