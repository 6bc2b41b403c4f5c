"""What is fixed about a run before an attempt begins: its head, its converted parameters, its graph, its steps' shapes.

All that can be refused is refused here, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping

from pplns.built_in import datetime
from pplns.engine.plan import shapes_of
from pplns.errors import NotFoundError, ParameterError
from pplns.fingerprint import CodeDigests, digest_constant
from pplns.graph import Graph, build_graph, constants_in, copied
from pplns.model.frozen import Frozen
from pplns.model.ids import check_run_id, derive_run_id
from pplns.model.names import listed, nearest
from pplns.state.runs import RunHead, digest_params
from pplns.steps.declared import has_parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.model.run import Trigger
    from pplns.settings import Settings
    from pplns.steps import Pipeline


class Prepared(Frozen):
    """A pipeline with the parameters of one run, ready to be attempted."""

    pipeline: Pipeline[..., Any]
    head: RunHead
    params: Mapping[str, Any]
    graph: Graph
    shapes: Mapping[str, str]


class Selection(Frozen):
    """Which steps a person asks for: `redo` runs again although it is committed, with all that its value changes;
    `only` too, with what it needs and nothing after it."""

    redo: str | None = None
    only: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The steps that it names."""
        return tuple(name for name in (self.redo, self.only) if name)


ALL_STEPS = Selection()


def prepare_new(
    pipeline: Pipeline[..., Any],
    sent: Mapping[str, Any],
    *,
    trigger: Trigger,
    run_id: str | None,
    logical_date: datetime,
    created_at: datetime,
    settings: Settings,
) -> Prepared:
    """Prepare a run from parameters as they were sent, under a run id that was chosen or is derived.

    Raises: ParameterError, DefinitionError."""
    params, stored = _converted(pipeline, sent, logical_date=logical_date, timezone=trigger.timezone)
    graph, shapes = _connect(pipeline, params, settings)
    head = RunHead(
        run_id=run_id_of(pipeline, run_id, trigger, logical_date), pipeline=pipeline.name, trigger=trigger,
        params=stored, params_digest=digest_params(sent), logical_date=logical_date,
        created_at=created_at,
    )  # fmt: skip
    return Prepared(pipeline, head, params, graph, shapes)


def prepare(pipeline: Pipeline[..., Any], head: RunHead, settings: Settings) -> Prepared:
    """Prepare a run that exists from its own parameters, which are never resolved again.

    Raises: ParameterError, DefinitionError."""
    try:
        params, _ = _converted(pipeline, head.params, logical_date=head.logical_date, timezone=head.trigger.timezone)
    except ParameterError as error:
        raise ParameterError(
            f"The parameters of run {head.run_id!r} don't fit pipeline {pipeline.name!r} any more: {error.met}",
            error.expected,
            "Give the pipeline its old parameters back, or start a new run.",
        ) from error
    graph, shapes = _connect(pipeline, params, settings)
    return Prepared(pipeline, head, params, graph, shapes)


def _converted(
    pipeline: Pipeline[..., Any], sent: Mapping[str, Any], *, logical_date: datetime, timezone: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters of a run, and their JSON form for its record."""
    if not sent and not has_parameters(pipeline):
        return {}, {}
    from pplns.steps.parameters import convert_params, stored_params

    params = convert_params(pipeline, sent, logical_date=logical_date, timezone=timezone)
    return params, stored_params(params)


def check_selection(selection: Selection, graph: Graph) -> None:
    """Refuse a step that the graph doesn't have.

    Raises: NotFoundError."""
    for name in (selection.redo, selection.only):
        if name is not None and name not in graph:
            close = nearest(name, graph.names)
            raise NotFoundError(
                f"Pipeline {graph.pipeline!r} has no step {name!r}.",
                f"Its steps: {listed(graph.names)}.",
                f"Did you mean {close!r}?" if close else f"See `pplns show {graph.pipeline}`.",
            )


def _connect(
    pipeline: Pipeline[..., Any], params: Mapping[str, Any], settings: Settings
) -> tuple[Graph, dict[str, str]]:
    own = {name: copied(value) for name, value in params.items()}  # the function may sort or extend a list
    graph = build_graph(pipeline, own)
    code = CodeDigests(
        settings.root_dir, beside=getattr(getattr(pipeline.function, "__code__", None), "co_filename", None)
    )

    def constant(value: object, where: str) -> str:
        return digest_constant(value, code=code, where=where)

    for value in constants_in(graph.result):
        digest_constant(value, code=code, where=f"What pipeline {pipeline.name!r} returns")
    shapes = shapes_of(graph, digest_code=lambda call: code.of(call.step.function), digest_constant=constant)
    code.keep()
    return graph, shapes


def run_id_of(pipeline: Pipeline[..., Any], run_id: str | None, trigger: Trigger, logical_date: datetime) -> str:
    """Return the id of a run: the chosen one, or the one that is derived from its trigger."""
    if run_id is not None:
        return check_run_id(run_id)
    return derive_run_id(pipeline.name, kind=trigger.kind, key=trigger.key, logical_date=logical_date)
