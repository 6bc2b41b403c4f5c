"""`pplns init`, `list` and `show`: a project and its pipelines, before anything runs."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns.paths import from_folder
from pplns_deploy.cli.completion import complete_pipelines
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import WRONG_CONFIGURATION
from pplns_deploy.cli.nearest import NearChoice
from pplns_deploy.cli.opening import load_project
from pplns_deploy.cli.options import examples, json_option, params_option, project_option, write_file
from pplns_deploy.cli.words import join_words, parse_params

if TYPE_CHECKING:
    from pplns.graph import Graph
    from pplns.loader import Found
    from pplns.settings import Settings
    from pplns.steps import Pipeline

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

    --json writes the manifest: all that deploying and the checks know of each pipeline, imported in a clean process.
    A broken file is named on stderr with its line and doesn't hide the others; the exit code is 3 only when no
    pipeline could be loaded.
    """
    from pplns.loader import discover

    console: Console = context.obj
    settings = load_project(project)
    if console.as_json:
        _write_manifest(context, settings)
        return
    found = discover(settings)
    _write_list(console, found, settings.root_dir)
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


def _write_list(console: Console, found: "Found", root: str) -> None:
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
        [name, short_triggers(pipeline), from_folder(root, found.files[name]), pipeline.description]
        for name, pipeline in found.pipelines.items()
    ]
    if rows:
        console.say("\n".join(table_lines(columns, rows, width=console.width)))
    for broken in found.broken:
        error = broken.as_error()
        write_error(console, error.message, error.hint)


def _write_manifest(context: click.Context, settings: "Settings") -> None:
    from pplns_deploy.manifest import read_manifest

    manifest = read_manifest(settings)
    context.obj.document(manifest.as_json())
    if not manifest.pipelines:
        context.exit(WRONG_CONFIGURATION)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
