"""`pplns logs`: what the steps of a run logged, printed and warned, as it is kept with the run, without a cloud."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from pplns.errors import NotFoundError, ParameterError
from pplns_deploy.cli.completion import complete_run_ids
from pplns_deploy.cli.console import Console, write_line
from pplns_deploy.cli.nearest import NearChoice
from pplns_deploy.cli.opening import load_project, open_project_store
from pplns_deploy.cli.options import examples, project_option, store_option
from pplns_deploy.cli.output import clean_text
from pplns_deploy.cli.records import reference_of
from pplns_deploy.cli.words import next_command

if TYPE_CHECKING:
    from pplns.settings import Settings
    from pplns.state.logs import Chunk
    from pplns.stores import Store

POLL_SECONDS = 1.0
GOING_ON = ("queued", "running", "continuing")
SEVERITIES = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
COLOURS = {"DEBUG": "bright_black", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
LABELS = "logging.googleapis.com/labels"


class SeverityType(NearChoice):
    """A severity, in letters of either case."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the severity as lines have it."""
        return super().convert(str(value).upper(), param, ctx)


@click.command(
    epilog=examples(
        "pplns logs nyc_flights",
        "pplns logs nyc_flights/january --step load",
        "pplns logs january --severity WARNING",
        "pplns logs nyc_flights --follow",
    )
)
@click.argument("run_id", metavar="RUN_ID|NAME", shell_complete=complete_run_ids)
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until the run ends.")
@click.option("--step", metavar="STEP", help="Only what this step said.")
@click.option(
    "--severity", type=SeverityType(SEVERITIES), metavar="SEVERITY",
    help=f"Only from this severity on: {', '.join(SEVERITIES)}.",
)  # fmt: skip
@click.option("--json", is_flag=True, expose_value=False, help="Write one JSON object a line to stdout.")
@store_option
@project_option
@click.pass_obj
def logs(
    console: Console,
    *,
    run_id: str,
    follow: bool,
    step: str | None,
    severity: str | None,
    store: str | None,
    project: Path | None,
) -> None:
    """Show what the steps of a run logged and printed.

    RUN_ID is an id as `pplns runs` shows it, or PIPELINE/RUN_ID; NAME a pipeline, whose newest run is shown. A run of
    the service is shown with the store that the service has.
    """
    settings = load_project(project, store=store)
    opened = open_project_store(settings)
    pipeline, found_id = _find(settings, opened, run_id)
    reference = reference_of(pipeline, found_id)
    if run_id not in (found_id, reference):
        console.warn(f"The newest run of {pipeline}: {reference}")
    shown = _Shown(step, severity)
    for raw in _lines(opened, pipeline, found_id, follow=follow):
        shown.write(console, raw)
    if shown.damaged:
        console.warn(f"{shown.damaged} damaged lines are left out.")
    if not shown.count:
        console.warn(shown.nothing(reference))
        console.warn(f"What it did: {next_command('run-info', reference, project=project, store=store)}")


@dataclass(slots=True)
class _Shown:
    """Which lines are shown, and how many were: of one step, from a severity on, or all."""

    step: str | None
    severity: str | None
    count: int = 0
    damaged: int = 0
    left_out: int = 0

    def write(self, console: Console, raw: str) -> None:
        """Write a line if it is wanted."""
        try:
            line: dict[str, Any] = dict(json.loads(raw))
        except (ValueError, TypeError):
            self.damaged += 1
            return
        if not self._wants(line):
            self.left_out += 1
            return
        self.count += 1
        if console.as_json:
            is_unicode = (console.out.encoding or "").lower().replace("-", "") == "utf8"
            write_line(raw if is_unicode else json.dumps(line), console.out)
        else:
            console.say("\n".join(text_of(line)))

    def nothing(self, reference: str) -> str:
        """Return what to say where no line was shown."""
        if self.left_out:
            step = "" if self.step is None else f" of step {self.step!r}"
            severity = "" if self.severity is None else f" at {self.severity} or above"
            return f"The run {reference} has no line{step}{severity}; it has {self.left_out} others."
        return f"No step of {reference} logged or printed anything."

    def _wants(self, line: Mapping[str, Any]) -> bool:
        if self.step is not None and _labels(line).get("pplns_step") != self.step:
            return False
        return self.severity is None or _rank(line) >= SEVERITIES.index(self.severity)


def text_of(line: Mapping[str, Any]) -> list[str]:
    """Return a stored line as people read it, a traceback below it."""
    severity, step = str(line.get("severity", "")), _labels(line).get("pplns_step", "")
    first, *more = str(line.get("message", "")).split("\n")
    more += str(line.get("stack_trace") or "").splitlines()
    head = "  ".join(part for part in (_time(line), f"{severity:<8}", clean_text(str(step)), clean_text(first)) if part)
    lines = [head.rstrip(), *(f"    {clean_text(one)}".rstrip() for one in more)]
    return [click.style(one, fg=COLOURS[severity]) for one in lines] if severity in COLOURS else lines


def _lines(store: "Store", pipeline: str, run_id: str, *, follow: bool) -> Iterator[str]:
    """Yield the lines of a run, with `follow` until it has ended."""
    from pplns.state.history import read_run
    from pplns.state.logs import read_chunks
    from pplns.state.runs import run_prefix

    last: Chunk | None = None
    while True:
        goes_on = follow and read_run(store, pipeline, run_id).state in GOING_ON  # asked first: then nothing is missed
        for chunk, lines in read_chunks(store, run_prefix(pipeline, run_id), after=last):
            last = chunk
            yield from lines
        if not goes_on:
            return
        time.sleep(POLL_SECONDS)


def _find(settings: "Settings", store: "Store", reference: str) -> tuple[str, str]:
    """Return pipeline and run id of a run, or of the newest run of a pipeline."""
    from pplns.model.names import is_name
    from pplns.state.history import find_run, list_runs

    if is_name(reference):
        newest = list_runs(store, pipeline=reference, limit=1)
        if newest:
            return newest[0].pipeline, newest[0].run_id
    try:
        return find_run(store, reference)
    except (NotFoundError, ParameterError):
        _refuse_without_runs(settings, reference)
        raise


def _refuse_without_runs(settings: "Settings", name: str) -> None:
    from pplns.loader import discover

    if name in discover(settings).pipelines:
        raise NotFoundError(
            f"The pipeline {name!r} has no run in {settings.store}.",
            "Lines are kept with a run.",
            f"Start one with `pplns run {name}`, or name another store with --store.",
        )


def _labels(line: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = line.get(LABELS)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _rank(line: Mapping[str, Any]) -> int:
    severity = line.get("severity")
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _time(line: Mapping[str, Any]) -> str:
    try:
        return f"{datetime.fromisoformat(str(line.get('time'))).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return ""
