"""Check a whole project: load its pipelines, build their graphs, and gather what the checks find."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pplns.errors import DefinitionError, ParameterError, PplnsError
from pplns.graph import Graph, build_graph
from pplns.loader import Broken, Found, discover
from pplns.model.triggers import NO_PARAMS, Schedule
from pplns.settings import Settings
from pplns.steps import Pipeline
from pplns.steps.parameters import Parameter, convert_params, parameters_of
from pplns_deploy.checks.findings import Checked, Finding, Subject, in_order, name_of_check
from pplns_deploy.checks.rules import PIPELINE_CHECKS
from pplns_deploy.manifest.describing import Unknown

Params = Mapping[str, Mapping[str, Any]]  # of each pipeline, by its name
PROBE = "checked"  # an empty object: a bucket says only to a write whether it may be written


def check_project(
    settings: Settings, *, now: datetime, found: Found | None = None, params: Sequence[Params] = ({},)
) -> Checked:
    """Check every pipeline of a project; `found` is what discovery gave, where it has been asked already.

    `params` are those that each environment sends, by pipeline; "*" is for those that it doesn't name.

    Raises: ConfigError for a project without a pipelines folder."""
    found = found or discover(settings)
    findings = [_of_broken(broken) for broken in found.broken]
    findings += check_store(settings)
    for name, pipeline in found.pipelines.items():
        for sent in params:
            checked = check_pipeline(pipeline, settings, now=now, params=sent.get(name, sent.get("*", NO_PARAMS)))
            findings += [_at(one, pipeline, Path(found.files[name])) for one in checked]
    files = {*found.files.values(), *(broken.file for broken in found.broken)}
    return Checked(tuple(found.pipelines), tuple(map(Path, sorted(files))), in_order(findings))


def check_store(settings: Settings) -> Iterator[Finding]:
    """Check that the store can be written, and that it lasts."""
    from pplns.stores import open_store

    try:
        store = open_store(settings.store, root=settings.root)
        store.prepare()
        if not settings.store.startswith("file:"):  # which tries it already
            store.create(PROBE, b"")
    except PplnsError as error:
        yield Finding("error", f"The store {settings.store!r}: {error.message}", error.hint, check="store")
        return
    if settings.store.startswith("memory:"):
        yield Finding(
            "warning",
            f"The store is {settings.store!r}: a run is forgotten when its process ends.",
            'Write store = "file:.pplns" in [tool.pplns], or leave it out.',
            check="store",
        )


def check_pipeline(
    pipeline: Pipeline[..., Any], settings: Settings, *, now: datetime, params: Mapping[str, Any] = NO_PARAMS
) -> Iterator[Finding]:
    """Check one pipeline: its parameters, its graph, and then all of PIPELINE_CHECKS.

    Of `params`, the environment's, those count that the pipeline has."""
    try:
        parameters = parameters_of(pipeline)
    except DefinitionError as error:
        yield Finding("error", error.message, error.hint, pipeline.name, check="files")
        return
    known = {one.name for one in parameters}
    sent = {name: value for name, value in params.items() if name in known}
    bare = Subject(pipeline, parameters, (), settings.timezone, now, settings.root, sent)
    graphs: list[Graph] = []
    for built in _graphs(bare):
        if isinstance(built, Graph):
            graphs.append(built)
        else:
            yield replace(built, check="files")
    subject = replace(bare, graphs=tuple(graphs))
    for check in PIPELINE_CHECKS:
        yield from (replace(one, check=name_of_check(check)) for one in check(subject))


def _graphs(subject: Subject) -> Iterator[Graph | Finding]:
    """Build the graph with the defaults and with the parameters of each schedule, else with unknown ones."""
    if subject.required({}):
        with contextlib.suppress(DefinitionError):
            yield build_graph(subject.pipeline, {one.name: _known_default(one) for one in subject.parameters})
    yield from _graphs_of_known(subject)


def _known_default(parameter: Parameter) -> Any:
    return Unknown() if parameter.is_required or parameter.is_logical_date else parameter.default


def _graphs_of_known(subject: Subject) -> Iterator[Graph | Finding]:
    sets: list[Mapping[str, Any]] = [
        subject.params,
        *(subject.sent(one.params) for one in subject.pipeline.triggers if isinstance(one, Schedule)),
    ]
    seen: set[str] = set()
    for sent in sets:
        if subject.required(sent):
            continue
        try:
            params = convert_params(subject.pipeline, sent, logical_date=subject.now, timezone=subject.timezone)
            yield build_graph(subject.pipeline, params)
        except ParameterError:  # the triggers' own check says so
            continue
        except DefinitionError as error:
            if error.message not in seen:
                seen.add(error.message)
                yield subject.error(error.message, error.hint)


def _of_broken(broken: Broken) -> Finding:
    return Finding("error", broken.message, broken.remedy, None, Path(broken.file), broken.line, check="files")


def _at(finding: Finding, pipeline: Pipeline[..., Any], file: Path) -> Finding:
    """Return a finding with its place: the line that its message begins with, as of graphs, else the function's."""
    code = pipeline.function.__code__
    if finding.message.startswith(own := f"{code.co_filename}:"):
        number, _, rest = finding.message.removeprefix(own).partition(": ")
        return replace(finding, message=rest, file=Path(code.co_filename), line=int(number))
    return replace(finding, file=file, line=code.co_firstlineno)
