"""`pplns init`, `list`, `show` and `check`: a project and its pipelines, before anything runs."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns_deploy.cli.completion import complete_pipelines
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import RUN_FAILED, WRONG_CONFIGURATION
from pplns_deploy.cli.nearest import NearChoice
from pplns_deploy.cli.options import (
    examples,
    join_words,
    json_option,
    load_project,
    params_option,
    parse_params,
    project_option,
    store_option,
    write_file,
)

if TYPE_CHECKING:
    from pplns.graph import Graph
    from pplns.loader import Found
    from pplns.steps import Pipeline
    from pplns_deploy.checks import Checked

EXAMPLES = {
    "starter": "small",
    "nyc_flights": "real data",
    "daily_orders": "reads and writes BigQuery",
}
FORMATS = ("text", "mermaid", "svg", "json")


@click.command(epilog=examples("pplns init my-project", "pplns init flights --example nyc_flights"))
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--example", type=NearChoice(tuple(EXAMPLES)), metavar="NAME", default="starter", show_default=True,
              help=f"What to begin with: {', '.join(f'{name} ({what})' for name, what in EXAMPLES.items())}."
)  # fmt: skip
@click.pass_obj
def init(console: Console, *, directory: Path, example: str) -> None:
    """Make a new project with a running example.

    DIR is made where it isn't there; no file is ever written over.
    """
    from pplns_deploy.project import FIRST_PIPELINES, plan_project, write_project

    files = plan_project(directory, example)
    write_project(directory, files)
    console.say(f"Made a project in {directory}:")
    for path in files:
        console.say(f"  {path}")
    console.say("Go on with:")
    if directory != Path():
        console.say(f"  {join_words(['cd', str(directory)])}")
    console.say(f"  pplns run {FIRST_PIPELINES[example]}")


@click.command("list", epilog=examples("pplns list", "pplns list --json"))
@json_option
@project_option
@click.pass_context
def list_pipelines(context: click.Context, *, project: Path | None) -> None:
    """List the pipelines of the project.

    A broken file is named on stderr with its line and doesn't hide the others; the exit code is 3 only when no
    pipeline could be loaded.
    """
    from pplns.loader import discover

    console: Console = context.obj
    settings = load_project(project)
    found = discover(settings)
    if console.as_json:
        console.document(_list_json(found))
    else:
        _write_list(console, found, settings.root)
    if not found.pipelines:
        context.exit(WRONG_CONFIGURATION)


@click.command(
    epilog=examples(
        "pplns show nyc_flights",
        "pplns show nyc_flights --format mermaid -p month=2013-01",
        "pplns show nyc_flights --format svg --output nyc_flights.svg",
    )
)
@click.argument("name", shell_complete=complete_pipelines)
@click.option("--format", "form", type=NearChoice(FORMATS), metavar="FORMAT", default="text",
              show_default=True, help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write it to a file instead of stdout.",
)  # fmt: skip
@params_option
@json_option
@project_option
@click.pass_obj
def show(
    console: Console, *, name: str, form: str, output: Path | None, params: Sequence[str], project: Path | None
) -> None:
    """Show the steps, parameters and triggers of a pipeline.

    Parameters without -p have their defaults. --json is --format json.
    """
    sent = parse_params(params)
    settings = load_project(project)
    from pplns.graph import build_graph
    from pplns.loader import load_pipeline
    from pplns.steps.parameters import convert_params

    pipeline = load_pipeline(settings, name)
    converted = convert_params(pipeline, sent, logical_date=datetime.now(UTC), timezone=settings.timezone)
    shown = _shown_as("json" if console.as_json else form, pipeline, build_graph(pipeline, converted))
    if output is not None:
        write_file(output, f"{shown if isinstance(shown, str) else json.dumps(shown, indent=2)}\n")
    if isinstance(shown, str) and output is None:
        console.say(shown)
    elif not isinstance(shown, str) and (output is None or console.as_json):
        console.document(shown)
    else:
        console.say(f"Saved {output}.")


@click.command(epilog=examples("pplns check", "pplns check --store gs://my-bucket/pplns --json"))
@store_option
@json_option
@project_option
@click.pass_context
def check(context: click.Context, *, store: str | None, project: Path | None) -> None:
    """Check all that can be known before a run.

    Files load, pipelines connect, parameters of triggers fit, timeouts and retries go together, the store can be
    written. Exits 1 when there are errors; warnings don't count.
    """
    from pplns_deploy.checks import check_project

    console: Console = context.obj
    settings = load_project(project, store=store)
    checked = check_project(settings, now=datetime.now(UTC))
    if console.as_json:
        console.document(_check_json(checked))
    else:
        _write_check(console, checked, settings.store)
    if checked.count("error"):
        context.exit(RUN_FAILED)


def _shown_as(form: str, pipeline: "Pipeline[..., Any]", graph: "Graph") -> str | dict[str, Any]:
    """Return a pipeline in one of FORMATS: text, or the JSON document."""
    from pplns_deploy import graphs
    from pplns_deploy.cli import descriptions

    if form == "json":
        return {**descriptions.pipeline_json(pipeline), "steps": graphs.graph_json(graph)}
    if form == "svg":
        return graphs.draw_graph(graph).rstrip("\n")
    if form == "mermaid":
        return "\n".join(graphs.mermaid_lines(graph))
    return "\n".join([*descriptions.pipeline_lines(pipeline), "", "Steps", *_indented(graphs.graph_lines(graph))])


def _write_list(console: Console, found: "Found", root: Path) -> None:
    from pplns_deploy.cli.descriptions import short_triggers
    from pplns_deploy.cli.errors import write_error
    from pplns_deploy.cli.output import Column, table_lines

    columns = [
        Column("pipeline"),
        Column("triggers", least=12),
        Column("file", least=12),
        Column("description", least=12),
    ]
    rows = [
        [name, short_triggers(pipeline), _relative(found.files[name], root), pipeline.description]
        for name, pipeline in found.pipelines.items()
    ]
    if rows:
        console.say("\n".join(table_lines(columns, rows, width=console.width)))
    for broken in found.broken:
        error = broken.as_error()
        write_error(console, error.message, error.hint)


def _list_json(found: "Found") -> dict[str, Any]:
    from pplns_deploy.cli.descriptions import pipeline_json

    listed = [{**pipeline_json(one), "file": str(found.files[name])} for name, one in found.pipelines.items()]
    broken = [
        {"file": str(one.file), "line": one.line, "message": one.message, "hint": one.remedy} for one in found.broken
    ]
    return {"pipelines": listed, "broken": broken}


def _write_check(console: Console, checked: "Checked", store: str) -> None:
    from pplns_deploy.cli.errors import write_error
    from pplns_deploy.cli.output import count_text

    for finding in checked.findings:
        where = " ".join(part for part in (finding.place, finding.pipeline and f"({finding.pipeline})") if part)
        message = f"{where}: {finding.message}" if where else finding.message
        write_error(console, message, finding.remedy, kind=finding.severity.capitalize())
    names = f": {', '.join(checked.pipelines)}" if checked.pipelines else ""
    pipelines, files = count_text(len(checked.pipelines), "pipeline"), count_text(len(checked.files), "file")
    console.say(f"Checked {pipelines} in {files}{names}.")
    console.say("Checked imports, steps, parameters, triggers, timeouts, retries, resources.")
    console.say(f"Checked the store {store}.")
    errors, warnings = checked.count("error"), checked.count("warning")
    console.say(
        f"{count_text(errors, 'error')}, {count_text(warnings, 'warning')}." if errors + warnings else "All well."
    )


def _check_json(checked: "Checked") -> dict[str, Any]:
    return {
        "pipelines": list(checked.pipelines),
        "files": [str(file) for file in checked.files],
        "errors": checked.count("error"),
        "warnings": checked.count("warning"),
        "findings": [finding.as_json() for finding in checked.findings],
    }


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
