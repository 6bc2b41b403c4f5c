"""A pipeline as it was written, as JSON, for `GET /pipelines`. Values stand as they would be sent."""

from datetime import UTC, datetime
from typing import Any

from pplns.codecs import plain
from pplns.errors import DefinitionError, PplnsError
from pplns.graph import build_graph
from pplns.loader import Broken, Found
from pplns.model.triggers import PubSub, Schedule
from pplns.steps import Pipeline
from pplns.steps.conversion import stored
from pplns.steps.parameters import Parameter, convert_params, parameters_of


def split_usable(found: Found) -> tuple[list[Pipeline[..., Any]], list[Broken]]:
    """Return the pipelines whose parameters can be used, and what is wrong with each of the others."""
    usable: list[Pipeline[..., Any]] = []
    broken: list[Broken] = []
    for name, pipeline in found.pipelines.items():
        try:
            parameters_of(pipeline)
            usable.append(pipeline)
        except DefinitionError as error:
            code = getattr(pipeline.function, "__code__", None)  # a callable object has none
            line = code.co_firstlineno if code else None
            broken.append(Broken(found.files[name], line, error.message, error.remedy, ""))
    return usable, broken


def pipeline_json(pipeline: Pipeline[..., Any]) -> dict[str, Any]:
    """Return a pipeline's parameters, triggers and limits."""
    resources = pipeline.resources
    return {
        "pipeline": pipeline.name,
        "description": pipeline.description,
        "parameters": [_parameter_json(one) for one in parameters_of(pipeline)],
        "triggers": [_trigger_json(one) for one in pipeline.triggers],
        "resources": {"cpu": resources.cpu, "memory": resources.memory, "cpu_always": resources.cpu_always},
        "timeout_s": pipeline.timeout,
        "max_concurrent_runs": pipeline.max_concurrent_runs,
        "max_parallel_steps": pipeline.max_parallel_steps,
    }


def steps_json(pipeline: Pipeline[..., Any], *, timezone: str) -> list[dict[str, Any]] | None:
    """Return a pipeline's steps as its default parameters connect them, or None where they can't without others."""
    try:
        params = convert_params(pipeline, {}, logical_date=datetime.now(UTC), timezone=timezone)
        graph = build_graph(pipeline, params)
    except PplnsError:
        return None
    return [
        {"step": call.name, "inputs": list(call.inputs), "after": [one for one in call.after if one not in call.inputs]}
        for call in graph.calls
    ]


def _parameter_json(parameter: Parameter) -> dict[str, Any]:
    has_default = not parameter.is_required and not parameter.is_logical_date
    return {
        "name": parameter.name,
        "type": parameter.shown,
        "required": parameter.is_required,
        "is_logical_date": parameter.is_logical_date,
        "default": stored(parameter.default) if has_default else None,
    }


def _trigger_json(trigger: Schedule | PubSub) -> dict[str, Any]:
    shared = {"name": trigger.name, "params": plain(stored(trigger.params))}
    if isinstance(trigger, Schedule):
        return {"kind": "schedule", "cron": trigger.cron, "timezone": trigger.timezone, **shared}
    return {"kind": "pubsub", "topic": trigger.topic, "filter": trigger.filter, **shared}
