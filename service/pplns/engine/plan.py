"""The plan of an attempt: which steps are committed already, which have to run, which can't be decided yet. Pure.

The version of a step is the digest of its code, its constant arguments, its options that change its value, the versions
of what it consumes or is ordered after, and its redo number. A changed step thus has a new version, and so has all that
depends on it. One thing is known only later: a redone step whose new value equals the old one counts as the old one,
so that what depends on it is reused. Until such a step is durable, the versions after it are unknown.

The base version leaves all redos out, those of the steps before included: two commits of a step with the same base come
from the same code. So a step that runs again because an input was made again is told from one whose code changed."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping

from pplns.graph import MAPPINGS, SEQUENCES, Call, Graph, Reference, is_named_tuple, kind_of
from pplns.model.frozen import Unchecked
from pplns.model.ids import VERSION_LENGTH, digest_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from pplns.model.artifact import Commit
    from pplns.state.checkpoints import Checkpoints

    Action = Literal["reuse", "run", "wait"]

DigestConstant = Callable[[object, str], str]


class PlannedStep(Unchecked):
    """What becomes of one step: `reuse` its commit, `run` it, or `wait` for what decides its version.

    `base` is the version that it would have if nothing had ever been redone."""

    name: str
    action: Action
    base: str
    version: str | None = None
    commit: Commit | None = None


Plan = Mapping[str, PlannedStep]


def shapes_of(graph: Graph, *, digest_code: Callable[[Call], str], digest_constant: DigestConstant) -> dict[str, str]:
    """Return for each step the digest of all that decides its version but the versions before it.

    Raises: DefinitionError for a constant argument that has no stable digest."""
    return {call.name: _shape(call, digest_code(call), digest_constant) for call in graph.calls}


def plan_steps(graph: Graph, shapes: Mapping[str, str], checkpoints: Checkpoints) -> dict[str, PlannedStep]:
    """Return what becomes of each step, from what is committed."""
    plan: dict[str, PlannedStep] = {}
    effective: dict[str, str | None] = {}
    for call in graph.calls:
        name, shape = call.name, shapes[call.name]
        base = _base_of(call, shape, plan) if checkpoints.redos else ""  # without redos it is the version
        before = [effective[one] for one in call.before]
        known = [version for version in before if version is not None]
        if len(known) < len(before):
            plan[name], effective[name] = PlannedStep(name=name, action="wait", base=base), None
            continue
        plan[name] = _plan_step(name, shape, known, base=base, checkpoints=checkpoints)
        effective[name] = plan[name].version
        if name in checkpoints.redos:
            effective[name] = _effective_version(plan[name], shape, known, checkpoints)
    return plan


def version_of(name: str, shape: str, before: list[str], *, redo: int) -> str:
    """Return the version of a step: 16 hex digits."""
    return digest_fields("version 1", name, shape, *before, str(redo))[:VERSION_LENGTH]


def repeated_sinks(graph: Graph, plan: Plan, checkpoints: Checkpoints) -> tuple[str, ...]:
    """Return the sinks that are committed under another version and would run again because the code changed.

    A sink with as few commits as redos has yet to run for the last of these, whatever its code. An unreadable commit
    counts, for the sink has run; the one of now is about to be passed by a redo. Where the code of now has made a
    commit, the sink runs again because an input came out differently when it was redone, or is redone itself."""
    made = Counter(step for step, _ in (*checkpoints.commits, *checkpoints.unreadable))
    bases = {(one.step, one.base_version or one.version) for one in checkpoints.commits.values()}
    return tuple(
        name
        for name, planned in plan.items()
        if planned.action == "run"
        and graph.is_sink(name)
        and made[name] > checkpoints.redos.get(name, 0)
        and (name, planned.base) not in bases
        and checkpoints.unreadable.keys().isdisjoint({(name, planned.base), (name, str(planned.version))})
    )


def _base_of(call: Call, shape: str, plan: Plan) -> str:
    return version_of(call.name, shape, [plan[name].base for name in call.before], redo=0)


def _plan_step(name: str, shape: str, before: list[str], *, base: str, checkpoints: Checkpoints) -> PlannedStep:
    version = version_of(name, shape, before, redo=checkpoints.redos.get(name, 0))
    commit = checkpoints.commits.get((name, version))
    return PlannedStep(
        name=name, action="run" if commit is None else "reuse", base=base or version, version=version, commit=commit
    )


def _effective_version(planned: PlannedStep, shape: str, before: list[str], checkpoints: Checkpoints) -> str | None:
    """Return the version that counts for what comes after: the oldest redo whose value is the same."""
    if planned.version is None or planned.commit is None:
        return None
    redo = checkpoints.redos[planned.name]
    effective, digests = planned.version, planned.commit.digests
    for number in range(redo - 1, -1, -1):
        version = version_of(planned.name, shape, before, redo=number)
        older = checkpoints.commits.get((planned.name, version))
        if older is None or older.digests != digests:
            break
        effective = version
    return effective


def _shape(call: Call, code: str, digest_constant: DigestConstant) -> str:
    arguments = [
        part
        for name, value in sorted(call.arguments.items())
        for part in (name, _shape_of_argument(value, call, digest_constant, f"Argument {name!r} of step {call.name!r}"))
    ]
    before = [*call.inputs, "", *call.after]
    return _digest_of_shape(code, str(call.outputs), str(len(arguments)), *arguments, *_places(before))


@functools.lru_cache(maxsize=1_000)  # a step that is used a hundred times has one shape, or a few
def _digest_of_shape(*fields: str) -> str:
    return digest_fields("shape 1", *fields)


def _places(before: list[str]) -> list[str]:
    """Return marks for the steps before one; their versions carry their identity, so their names don't count."""
    return [str(place) if name else "-" for place, name in enumerate(before)]


@functools.lru_cache(maxsize=64)
def _shape_of_reference(place: int, output: int | None) -> str:
    return digest_fields("reference", str(place), str(output))


def _shape_of_argument(value: Any, call: Call, digest_constant: DigestConstant, where: str) -> str:
    kind = kind_of(value)
    if isinstance(value, Reference):
        return _shape_of_reference(call.inputs.index(value.step), value.output)
    if kind in SEQUENCES or is_named_tuple(value):
        return digest_fields(
            kind.__qualname__, *(_shape_of_argument(one, call, digest_constant, where) for one in value)
        )
    if kind in MAPPINGS:
        pairs = sorted(
            (digest_constant(key, where), _shape_of_argument(one, call, digest_constant, where))
            for key, one in value.items()
        )
        return digest_fields("dict", *(part for pair in pairs for part in pair))
    return digest_fields("constant", digest_constant(value, where))
