"""The checks of one pipeline: a flat list of pure functions, each yielding what it finds.

`PIPELINE_CHECKS` is the list to add to."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pplns.engine.plan import shapes_of
from pplns.errors import DefinitionError, ParameterError
from pplns.fingerprint import CodeDigests, digest_constant
from pplns.model.durations import seconds_of
from pplns.model.policies import Retry
from pplns.model.triggers import PubSub, Schedule
from pplns.steps import Pipeline
from pplns.steps.conversion import RefusedError, convert
from pplns.steps.parameters import Parameter, convert_params
from pplns.triggers.declared import label_of
from pplns_deploy.checks.findings import Finding, Subject
from pplns_deploy.dev.filters import parse_filter

# How long a request may last: Pub/Sub push acknowledgement deadline, Scheduler attempt deadline, Cloud Run timeout.
PUBSUB_SECONDS = 600
SCHEDULER_SECONDS = 1800
CLOUD_RUN_SECONDS = 3600

# Cloud Run, "Configure memory limits" and "Configure CPU limits": CPUs → least and most memory in MiB.
MEMORY_OF_CPUS = {1: (128, 4096), 2: (128, 8192), 4: (2048, 16384), 6: (4096, 24576), 8: (4096, 32768)}
MIB_OF_UNIT = {"Mi": 1, "Gi": 1024}


def check_triggers(subject: Subject) -> Iterator[Finding]:
    """Check that the parameters of each trigger exist and convert, and that a schedule gives all that are required."""
    for trigger in subject.pipeline.triggers:
        missing = subject.required(trigger.params)
        if isinstance(trigger, Schedule) and missing:
            yield subject.error(
                f"{trigger_text(trigger)} gives no value for {', '.join(map(repr, missing))}, so each of its runs"
                " would be refused.",
                f'Give it one, params={{"{missing[0]}": …}}, or give the parameter a default.',
            )
        elif misfit := _misfit(subject, trigger):
            yield subject.error(f"{trigger_text(trigger)}: {misfit.message}", misfit.hint)


def check_repeated_triggers(subject: Subject) -> Iterator[Finding]:
    """Check that no two triggers start the same runs."""
    seen: list[Schedule | PubSub] = []
    for trigger in subject.pipeline.triggers:
        nameless = trigger.replace(name=None)
        if nameless in seen:
            yield subject.warning(
                f"{trigger_text(trigger)} stands there twice: everything would run twice.",
                "Remove one of them, or give them names and different parameters.",
            )
        seen.append(nameless)


def check_schedule_names(subject: Subject) -> Iterator[Finding]:
    """Check that a request tells which schedule it is from: by a name, else by a cron line that no other has."""
    first: dict[str, Schedule] = {}
    for trigger in subject.pipeline.triggers:
        if isinstance(trigger, Schedule) and first.setdefault(label_of(trigger), trigger) != trigger:
            yield subject.error(
                f"Two schedules are called {label_of(trigger)!r}: the second one would get the time zone and the"
                " parameters of the first.",
                'Give each a name of its own: Schedule(…, name="us").',
            )


def check_filters(subject: Subject) -> Iterator[Finding]:
    """Check that the filter of each topic is one that Pub/Sub takes: else its subscription can't be made."""
    for trigger in subject.pipeline.triggers:
        if isinstance(trigger, PubSub):
            try:
                parse_filter(trigger.filter)
            except DefinitionError as error:
                yield subject.error(f"{trigger_text(trigger)}: {error.message}", error.hint)


def check_steps(subject: Subject) -> Iterator[Finding]:
    """Check that a pipeline has steps at all."""
    for graph in subject.graphs[:1]:
        if not graph.calls:
            yield subject.warning(
                "The pipeline calls no step: nothing of it is checkpointed.",
                "Decorate the functions that do the work with @step.",
            )


def check_constants(subject: Subject) -> Iterator[Finding]:
    """Check that each constant that a step is given will be the same tomorrow: else no run begins."""
    code = CodeDigests(subject.root)
    for graph in subject.graphs:
        try:
            shapes_of(
                graph,
                digest_code=lambda call: "",
                digest_constant=lambda value, where: digest_constant(value, code=code, where=where),
            )
        except DefinitionError as error:
            yield subject.error(error.message, error.hint)


def check_timeouts(subject: Subject) -> Iterator[Finding]:
    """Check that each step fits in the timeout of its pipeline and in the request that runs it."""
    limit, what = request_limit(subject.pipeline)
    whole = subject.pipeline.timeout
    timeouts = {name: options.timeout for name, options in subject.options_by_step().items()}
    for name, timeout in timeouts.items():
        if timeout is None:
            continue
        if whole is not None and timeout > whole:
            yield subject.warning(
                f"Step {name!r} has a timeout of {timeout:g} s, but the whole pipeline one of {whole:g} s.",
                "Give the step a shorter timeout, or the pipeline a longer one.",
            )
        if timeout > limit and not subject.pipeline.resources.cpu_always:
            yield subject.warning(
                f"Step {name!r} may take {timeout:g} s, but {what} lasts at most {limit} s.",
                "Split the step, start the pipeline by a trigger that waits longer, or keep the CPU after the request"
                " with Resources(cpu_always=True).",
            )


def check_retries(subject: Subject) -> Iterator[Finding]:
    """Check that all tries of a step fit in the timeout of its pipeline."""
    whole = subject.pipeline.timeout
    if whole is None:
        return
    for name, options in subject.options_by_step().items():
        retry, timeout = options.retry, options.timeout or 0.0
        needed = retry.attempts * timeout + waits_of(retry)
        if retry.attempts > 1 and timeout <= whole < needed:
            yield subject.warning(
                f"Step {name!r} may need {needed:g} s for its {retry.attempts} tries and the waits between them,"
                f" but the pipeline has a timeout of {whole:g} s.",
                "Lower attempts, delay or timeout of the step, or give the pipeline a longer timeout.",
            )


def check_resources(subject: Subject) -> Iterator[Finding]:
    """Check that Cloud Run has a machine with so much memory and so many CPUs."""
    resources = subject.pipeline.resources
    least, most = memory_limits(resources.cpu)
    if not least <= mebibytes(resources.memory) <= most:
        yield subject.error(
            f"Resources(cpu={resources.cpu:g}, memory={resources.memory!r}): Cloud Run gives {resources.cpu:g} CPU"
            f" {least} to {most} MiB.",
            "Change the memory, or the number of CPUs.",
        )


PIPELINE_CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    check_triggers,
    check_repeated_triggers,
    check_schedule_names,
    check_filters,
    check_steps,
    check_constants,
    check_timeouts,
    check_retries,
    check_resources,
)


def trigger_text(trigger: Schedule | PubSub) -> str:
    """Return a trigger as it is written, short."""
    name = f", name={trigger.name!r}" if trigger.name else ""
    if isinstance(trigger, Schedule):
        zone = f", timezone={trigger.timezone!r}" if trigger.timezone != "UTC" else ""
        return f"Schedule({trigger.cron!r}{zone}{name})"
    return f"PubSub({trigger.topic!r}{name})"


def request_limit(pipeline: Pipeline[..., Any]) -> tuple[int, str]:
    """Return the seconds that the shortest request of a pipeline's triggers may last, and its name."""
    kinds = {type(trigger) for trigger in pipeline.triggers}
    if PubSub in kinds:
        return PUBSUB_SECONDS, "a Pub/Sub push"
    if Schedule in kinds:
        return SCHEDULER_SECONDS, "a Scheduler request"
    return CLOUD_RUN_SECONDS, "a request to Cloud Run"


def waits_of(retry: Retry) -> float:
    """Return the longest that the waits between all tries can take together, in seconds."""
    delay = seconds_of(retry.delay, what="delay")
    most = seconds_of(retry.max_delay, what="max_delay")
    total, wait = 0.0, delay
    for _ in range(retry.attempts - 1):
        total += min(wait, most)
        wait = min(wait * retry.factor, most)
    return total


def memory_limits(cpus: float) -> tuple[int, int]:
    """Return the least and most memory in MiB that Cloud Run gives so many CPUs."""
    if cpus < 0.5:
        return 128, 512
    if cpus < 1:
        return 128, 1024
    return MEMORY_OF_CPUS[int(cpus)]


def mebibytes(memory: str) -> int:
    """Return an amount of memory such as "4Gi" in MiB."""
    return int(memory[:-2]) * MIB_OF_UNIT[memory[-2:]]


def _misfit(subject: Subject, trigger: Schedule | PubSub) -> ParameterError | None:
    """Return what is wrong with the parameters of a trigger; a message may bring those that it leaves out."""
    try:
        sent = subject.sent(trigger.params)
        convert_params(subject.pipeline, sent, logical_date=subject.now, timezone=subject.timezone)
    except ParameterError as error:
        known = {one.name: one for one in subject.parameters}
        if not subject.required(trigger.params) or not known.keys() >= trigger.params.keys():
            return error
        return _misfit_of_values(trigger, known, subject.timezone)
    return None


def _misfit_of_values(
    trigger: Schedule | PubSub, known: Mapping[str, Parameter], timezone: str
) -> ParameterError | None:
    for name, value in trigger.params.items():
        try:
            convert(value, known[name].annotation, timezone=timezone)
        except RefusedError as refused:
            return ParameterError(
                f"The parameter {name + refused.place!r} {refused.met}.",
                refused.expected,
                "Correct the value.",
            )
    return None
