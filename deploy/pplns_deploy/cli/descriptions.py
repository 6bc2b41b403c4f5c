"""A pipeline as it was written: its parameters, triggers and limits, as text and as JSON."""

from typing import Any

from pplns.model.triggers import PubSub, Schedule
from pplns.steps import Pipeline
from pplns.steps.parameters import Parameter, parameters_of
from pplns_deploy.cli.output import Column, duration_text, table_lines


def pipeline_lines(pipeline: Pipeline[..., Any]) -> list[str]:
    """Return the head of `pplns show`: name, description, parameters, triggers, limits."""
    lines = [f"{pipeline.name}: {pipeline.description}" if pipeline.description else pipeline.name]
    lines += _section("Parameters", [_parameter_cells(one) for one in parameters_of(pipeline)])
    lines += _section("Triggers", [_trigger_cells(one) for one in pipeline.triggers])
    return lines + _section("Limits", _limits(pipeline))


def pipeline_json(pipeline: Pipeline[..., Any]) -> dict[str, Any]:
    """Return a pipeline's description as `show --json` writes it, the same as in the manifest."""
    from pplns_deploy.manifest import declare

    return declare(pipeline).as_json()


def short_triggers(pipeline: Pipeline[..., Any]) -> str:
    """Return the triggers of a pipeline in one cell."""
    return ", ".join(one.cron if isinstance(one, Schedule) else one.topic for one in pipeline.triggers)


def _section(title: str, rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    columns = [Column("") for _ in rows[0]]
    return ["", title, *(f"  {line}" for line in table_lines(columns, rows, width=None)[1:])]


def _parameter_cells(parameter: Parameter) -> list[str]:
    return [parameter.name, parameter.shown, "required" if parameter.is_required else parameter.shown_default or "''"]


def _trigger_cells(trigger: Schedule | PubSub) -> list[str]:
    params = ", ".join(f"{name}={value!r}" for name, value in trigger.params.items())
    if isinstance(trigger, Schedule):
        return ["schedule", trigger.cron, trigger.timezone, trigger.name or "", params]
    return ["Pub/Sub", trigger.topic, trigger.filter or "", trigger.name or "", params]


def _limits(pipeline: Pipeline[..., Any]) -> list[list[str]]:
    resources = pipeline.resources
    rows = [["container", f"{resources.cpu:g} CPU, {resources.memory}" + (", CPU always" * resources.cpu_always)]]
    if pipeline.timeout is not None:
        rows.append(["timeout of a run", duration_text(pipeline.timeout)])
    if pipeline.max_concurrent_runs is not None:
        rows.append(["runs at one time", str(pipeline.max_concurrent_runs)])
    return [*rows, ["steps side by side", str(pipeline.max_parallel_steps)]]
