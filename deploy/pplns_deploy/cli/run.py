"""`pplns run`, `pplns resume` and `pplns cancel` as click reads them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pplns.errors import ParameterError
from pplns_deploy.cli.completion import complete_pipelines, complete_run_ids
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.logs import showing_logs
from pplns_deploy.cli.opening import load_project, open_project_store
from pplns_deploy.cli.options import (
    bundled,
    examples,
    json_option,
    params_option,
    project_option,
    selection_options,
    store_option,
    verbose_option,
)
from pplns_deploy.cli.progress import LineProgress
from pplns_deploy.cli.records import cancel_text, reference_of
from pplns_deploy.cli.running import Offers, RunWords, check_redo, go_on, run_here
from pplns_deploy.cli.trigger import Service, client_of, run_on_service, service_options, url_of_service
from pplns_deploy.cli.words import parse_params

if TYPE_CHECKING:
    from pplns.model.run import RunRecord


@click.command(
    epilog=examples(
        "pplns run nyc_flights",
        "pplns run nyc_flights -p month=2013-01 -p out_dir=out",
        "pplns run nyc_flights --run-id january",
        "pplns run nyc_flights --run-id january --from export",
    )
)
@click.argument("name", shell_complete=complete_pipelines)
@params_option
@click.option(
    "--run-id",
    metavar="ID",
    shell_complete=complete_run_ids,
    help="The id of the run. One that exists is gone on with, or shown if it ended.",
)
@selection_options
@service_options
@verbose_option
@store_option
@json_option
@project_option
@click.pass_obj
@bundled(RunWords, "words", "name", "params", "run_id", "redo", "only", "store", "project", "verbose")
def run(console: Console, *, words: RunWords, service: Service) -> int:
    """Run a pipeline, or go on with a run of it; with --url on a service.

    Shows each step with its state, time, rows and bytes. Exits 0 when the run succeeded, 1 when it failed,
    2 for wrong names or values, 3 for a project or store that can't be used, 130 after Ctrl-C. What steps log goes
    to stderr.
    """
    if service.url is None:
        return run_here(console, words)
    sent = parse_params(words.params)
    check_redo(words)
    _check_is_of_service(words)
    client = client_of(url_of_service(service.url, words.project), service.token)
    return run_on_service(console, words.name, sent, client=client)


@click.command(
    epilog=examples(
        "pplns resume january", "pplns resume nyc_flights/january", "pplns resume nyc_flights/january --from export"
    )
)
@click.argument("run_id", metavar="RUN_ID", shell_complete=complete_run_ids)
@selection_options
@verbose_option
@store_option
@json_option
@project_option
@click.pass_obj
def resume(
    console: Console,
    *,
    run_id: str,
    redo: str | None,
    only: str | None,
    verbose: bool,
    store: str | None,
    project: Path | None,
) -> int:
    """Go on with a run where it stopped.

    Steps that are committed aren't run again, unless their code changed since. RUN_ID is an id as `pplns runs`
    shows it, or PIPELINE/RUN_ID.
    """
    settings = load_project(project, store=store)
    from pplns.engine.runner import Selection, resume_run
    from pplns.loader import load_pipeline
    from pplns.state.history import find_run

    opened, selection = open_project_store(settings), Selection(redo=redo, only=only)
    name, found_id = find_run(opened, run_id)
    pipeline = load_pipeline(settings, name)

    def start(progress: LineProgress) -> "RunRecord":
        return resume_run(pipeline, found_id, store=opened, settings=settings, selection=selection, observer=progress)

    with showing_logs(settings.root_dir, verbose=verbose):
        return go_on(console, start, Offers.after(settings, project, store))


@click.command(epilog=examples("pplns cancel january", "pplns cancel nyc_flights/january"))
@click.argument("run_id", metavar="RUN_ID", shell_complete=complete_run_ids)
@store_option
@json_option
@project_option
@click.pass_obj
def cancel(console: Console, *, run_id: str, store: str | None, project: Path | None) -> None:
    """Cancel a run.

    A process that works on it is asked to stop, and does so within seconds; a run that has ended stays as it is.
    """
    settings = load_project(project, store=store)
    from pplns.state.cancel import cancel_run
    from pplns.state.history import find_run

    opened = open_project_store(settings)
    pipeline, found_id = find_run(opened, run_id)
    record = cancel_run(opened, pipeline, found_id, lease_seconds=settings.lease_seconds)
    if console.as_json:
        console.document(record.as_json())
        return
    console.say(cancel_text(record))
    for line in Offers.after(settings, project, store).lines(reference_of(pipeline, found_id), "run-info"):
        console.say(line)


def _check_is_of_service(words: RunWords) -> None:
    """Refuse the options that a service doesn't take from a caller."""
    given = {"--run-id": words.run_id, "--from": words.redo, "--only": words.only, "--store": words.store}
    for flag, value in given.items():
        if value is not None:
            raise ParameterError(
                f"{flag} {value} with --url.",
                "A service names its runs, has a store of its own, and runs every step of a new run.",
                f"Leave {flag} out.",
            )
