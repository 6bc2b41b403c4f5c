"""Pipelines turned into the values of a manifest; this needs their code to be imported."""

import contextlib
from dataclasses import dataclass
from typing import Any

from pplns.errors import DefinitionError, ParameterError
from pplns.fingerprint import CodeDigests
from pplns.graph import Graph, build_graph
from pplns.loader import Broken, Found
from pplns.model.triggers import PubSub, Schedule
from pplns.paths import from_folder
from pplns.settings import Settings
from pplns.steps import Pipeline
from pplns.steps.conversion import stored
from pplns.steps.parameters import Parameter, parameters_of
from pplns_deploy.manifest.model import (
    BrokenFile,
    Declared,
    Manifest,
    ParameterEntry,
    PipelineEntry,
    StepEntry,
    TriggerEntry,
)
from pplns_deploy.manifest.sources import SourceReader

AnyPipeline = Pipeline[..., Any]


@dataclass(frozen=True, eq=False)
class Unknown:
    """Stands for a parameter that only a run will know; a pipeline function may pass it on, not decide on it.

    It is a dataclass so that it may be a constant of a step."""

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise ValueError("unknown before a run")

    def __eq__(self, other: object) -> bool:
        return bool(self)  # `if region == "us"` is a decision too


def describe_project(found: Found, settings: Settings) -> Manifest:
    """Return the manifest of what discovery found; a pipeline whose parameters can't be used counts as broken."""
    reader = SourceReader(settings.root_dir)
    digests = CodeDigests(settings.root_dir)
    entries: list[PipelineEntry] = []
    broken = [_broken(one, settings.root_dir) for one in found.broken]
    for name, pipeline in found.pipelines.items():
        file = found.files[name]
        try:
            entries.append(_entry(pipeline, file, reader, digests))
        except DefinitionError as error:
            place = from_folder(settings.root_dir, file)
            broken.append(BrokenFile(place, line_of(pipeline), error.message, error.hint))
    return Manifest(tuple(entries), tuple(broken))


def declare(pipeline: AnyPipeline) -> Declared:
    """Return what a pipeline's decorator and function declare.

    Raises: DefinitionError for parameters that can't be used."""
    resources = pipeline.resources
    return Declared(
        pipeline=pipeline.name,
        description=pipeline.description,
        parameters=tuple(_parameter(one) for one in parameters_of(pipeline)),
        triggers=tuple(_trigger(one) for one in pipeline.triggers),
        cpu=resources.cpu,
        memory=resources.memory,
        cpu_always=resources.cpu_always,
        timeout_s=pipeline.timeout,
        max_concurrent_runs=pipeline.max_concurrent_runs,
        max_parallel_steps=pipeline.max_parallel_steps,
    )


def probe_graph(pipeline: AnyPipeline, parameters: tuple[Parameter, ...]) -> Graph | None:
    """Return the graph with defaults, and with unknowns where there are none; None if the steps depend on those."""
    with contextlib.suppress(DefinitionError, ParameterError):
        return build_graph(pipeline, {one.name: _known_default(one) for one in parameters})
    return None


def line_of(pipeline: AnyPipeline) -> int:
    """Return the line on which a pipeline's function begins."""
    code = getattr(pipeline.function, "__code__", None)
    return code.co_firstlineno if code else 1


def _entry(pipeline: AnyPipeline, file: str, reader: SourceReader, digests: CodeDigests) -> PipelineEntry:
    graph = probe_graph(pipeline, parameters_of(pipeline))
    sources = reader.reached_from(file)
    return PipelineEntry(
        declared=declare(pipeline),
        file=from_folder(reader.root, file),
        line=line_of(pipeline),
        steps=None if graph is None else tuple(map(_step, graph.calls)),
        secrets=tuple(use for source in sources for use in source.secrets),
        libraries=tuple(use for source in sources for use in source.libraries),
        sources=tuple(source.file for source in sources),
        digest=digests.of(pipeline.function),
    )


def _known_default(parameter: Parameter) -> Any:
    return Unknown() if parameter.is_required or parameter.is_logical_date else parameter.default


def _parameter(parameter: Parameter) -> ParameterEntry:
    has_default = not parameter.is_required and not parameter.is_logical_date
    return ParameterEntry(
        name=parameter.name,
        type=parameter.shown,
        required=parameter.is_required,
        is_logical_date=parameter.is_logical_date,
        default=stored(parameter.default) if has_default else None,
    )


def _trigger(trigger: Schedule | PubSub) -> TriggerEntry:
    params = {name: stored(value) for name, value in trigger.params.items()}
    if isinstance(trigger, Schedule):
        return TriggerEntry("schedule", trigger.name, params, cron=trigger.cron, timezone=trigger.timezone)
    return TriggerEntry("pubsub", trigger.name, params, topic=trigger.topic, filter=trigger.filter)


def _step(call: Any) -> StepEntry:
    options = call.step.options_set
    return StepEntry(call.name, options.timeout, options.retry.attempts)


def _broken(broken: Broken, root: str) -> BrokenFile:
    error = broken.as_error()
    return BrokenFile(from_folder(root, broken.file), broken.line, broken.message, error.hint)
