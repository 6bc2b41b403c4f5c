"""The graph of a pipeline in letters: as lines, as a Mermaid flowchart and as JSON."""

import typing
from collections.abc import Sequence
from typing import Any

from pplns.graph import Call, Graph
from pplns.model.durations import seconds_of
from pplns.steps import Step
from pplns.steps.annotations import shown


def graph_lines(graph: Graph) -> list[str]:
    """Return one line a step, in order: its name, what it takes, what it only comes after, its options."""
    width = max((len(call.name) for call in graph.calls), default=0)
    return [f"{call.name:<{width}}  {_sources(call)}".rstrip() + _options_text(call.step) for call in graph.calls]


def mermaid_lines(graph: Graph) -> list[str]:
    """Return a Mermaid flowchart: arrows for data, dotted ones for order alone.

    Steps get numbers for ids, since a step may be called `end`, which Mermaid takes for its own."""
    ids = {call.name: f"s{number}" for number, call in enumerate(graph.calls, start=1)}
    lines = ["flowchart TD"]
    lines += [f'    {ids[call.name]}["{call.name}"]' for call in graph.calls]
    for call in graph.calls:
        lines += [f"    {ids[name]} --> {ids[call.name]}" for name in call.inputs]
        lines += [f"    {ids[name]} -.-> {ids[call.name]}" for name in only_after(call)]
    return lines


def graph_json(graph: Graph) -> list[dict[str, Any]]:
    """Return the steps with their edges and options."""
    return [_call_json(graph, call) for call in graph.calls]


def only_after(call: Call) -> Sequence[str]:
    """Return the steps that a call is ordered after without taking their data."""
    return [name for name in call.after if name not in call.inputs]


def returned_type(call: Call) -> str:
    """Return the type that a step's function says it returns, as people read it; nothing where it says none."""
    try:
        annotation = typing.get_type_hints(call.step.function).get("return")
    except Exception:  # a name that only type checkers see; the function itself runs without it
        annotation = call.step.function.__annotations__.get("return")
    if annotation is None:
        return ""
    if typing.get_origin(annotation) is tuple and call.outputs is not None:
        return ", ".join(shown(part) for part in typing.get_args(annotation))
    return annotation if isinstance(annotation, str) else shown(annotation)


def _call_json(graph: Graph, call: Call) -> dict[str, Any]:
    options = call.step.options_set
    return {
        "step": call.name,
        "function": f"{call.step.function.__module__}:{call.step.function.__qualname__}",
        "inputs": list(call.inputs),
        "after": list(only_after(call)),
        "outputs": call.outputs,
        "returns": returned_type(call) or None,
        "is_sink": graph.is_sink(call.name),
        "tries": options.retry.attempts,
        "timeout_s": options.timeout,
        "wait_for_commit": options.wait_for_commit,
    }


def _sources(call: Call) -> str:
    parts = [f"← {', '.join(call.inputs)}"] if call.inputs else []
    after = only_after(call)
    parts += [f"after {', '.join(after)}"] if after else []
    return "; ".join(parts)


def _options_text(step: Step[..., Any]) -> str:
    options = step.options_set
    texts: list[str] = []
    if options.retry.attempts > 1:
        texts.append(f"{options.retry.attempts} tries, {seconds_of(options.retry.delay, what='delay'):g} s apart")
    if options.timeout is not None:
        texts.append(f"timeout {options.timeout:g} s")
    if options.wait_for_commit:
        texts.append("waits for commits")
    return f"  ({'; '.join(texts)})" if texts else ""
