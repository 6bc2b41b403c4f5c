"""`pplns completion`, and what a shell is offered when TAB is pressed: names of pipelines, run ids, steps.

It has to be there at once. So no pipeline is imported (their files are only read), and only stores on this machine are
asked; whatever goes wrong there, nothing is offered, since a shell shows no error."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from pplns.paths import read_bytes
from pplns_deploy.cli.nearest import NearChoice

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from pplns.settings import Settings
    from pplns.stores import Store

SHELLS = ("bash", "zsh", "fish")
MOST_RUNS = 50
COMPLETE_VARIABLE = "_PPLNS_COMPLETE"  # click's own name for the command `pplns`

Complete = Callable[[click.Context, click.Parameter, str], list["CompletionItem"]]


@click.command(
    epilog="\b\nExamples:\n"
    '  eval "$(pplns completion bash)"       in ~/.bashrc\n'
    '  eval "$(pplns completion zsh)"        in ~/.zshrc\n'
    "  pplns completion fish > ~/.config/fish/completions/pplns.fish"
)
@click.argument("shell", type=NearChoice(SHELLS), metavar="|".join(SHELLS))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print the script for completion by TAB.

    It completes commands, options, names of pipelines, run ids and steps. Runs and steps are completed from a store
    on this machine, not from a bucket.
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is not None:
        group = context.find_root().command
        click.echo(found(group, {}, "pplns", COMPLETE_VARIABLE).source())


def _offer(names: Callable[[click.Context, str], Sequence[str]]) -> Complete:
    """Return what click calls on TAB: the names that begin with what is typed, none where they can't be known."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list["CompletionItem"]:
        from click.shell_completion import CompletionItem

        try:
            return [CompletionItem(name) for name in names(context, typed) if name.startswith(typed)]
        except Exception:
            return []

    return complete


def _pipelines(context: click.Context, typed: str) -> Sequence[str]:
    """Return the pipelines whose files say so, and those that have runs."""
    from pplns.loader.sources import pipeline_files

    settings = _settings_of(context)
    written = {name for file in pipeline_files(settings) for name in _written_in(file)}
    return sorted(written)


def _pipelines_with_runs(context: click.Context, typed: str) -> Sequence[str]:
    store = _local_store(context)
    return sorted({*_pipelines(context, typed), *(_folders(store, "") if store else ())})


def _run_ids(context: click.Context, typed: str) -> Sequence[str]:
    """Return the newest runs: an id that tells its pipeline alone, any other with the pipeline before it."""
    from pplns.model.ids import time_of_run_id

    store = _local_store(context)
    if store is None:
        return []
    found = [(run_id, name) for name in _folders(store, "") for run_id in _folders(store, f"{name}/runs/")]
    newest = sorted(found, reverse=True)
    texts = [run_id if time_of_run_id(run_id) and "/" not in typed else f"{name}/{run_id}" for run_id, name in newest]
    return [text for text in texts if text.startswith(typed)][:MOST_RUNS]


def _steps(context: click.Context, typed: str) -> Sequence[str]:
    """Return the steps of the run that the command names, or of the newest run of the pipeline that it names."""
    from pplns.state.history import find_run
    from pplns.state.lease import view_lease
    from pplns.state.runs import run_prefix

    store = _local_store(context)
    if store is None:
        return []
    name, reference = _given(context, "name"), _given(context, "run_id")
    if name is not None:
        reference = f"{name}/{reference or _newest_run(store, name)}"
    lease = view_lease(store, run_prefix(*find_run(store, str(reference))))
    return lease.steps if lease else []


def _committed_steps(context: click.Context, typed: str) -> Sequence[str]:
    from pplns.state.history import find_run
    from pplns.state.runs import run_prefix

    store = _local_store(context)
    if store is None:
        return []
    prefix = run_prefix(*find_run(store, str(_given(context, "run_id"))))
    return sorted({name.partition("@")[0] for name in store.children(f"{prefix}/steps/")})


complete_pipelines = _offer(_pipelines)
complete_pipelines_with_runs = _offer(_pipelines_with_runs)
complete_run_ids = _offer(_run_ids)
complete_steps = _offer(_steps)
complete_committed_steps = _offer(_committed_steps)


def _given(context: click.Context, name: str) -> str | None:
    """Return what was typed for an argument; click leaves it over where an option still lacks its value."""
    arguments = [one.name for one in context.command.params if isinstance(one, click.Argument)]
    value: str | None = context.params.get(name)
    if value is None and name in arguments:
        value = next(iter(context.args[arguments.index(name) :]), None)
    return value


def _newest_run(store: "Store", pipeline: str) -> str:
    from pplns.state.history import list_runs

    return list_runs(store, pipeline=pipeline, limit=1)[0].run_id


def _settings_of(context: click.Context) -> "Settings":
    from pplns.settings import load_settings

    flags = {"store": context.params["store"]} if context.params.get("store") else {}
    return load_settings(context.params.get("project"), flags=flags, environ=os.environ)


def _local_store(context: click.Context) -> "Store | None":
    from pplns.stores import open_store

    settings = _settings_of(context)
    return open_store(settings.store, root=settings.root) if settings.store.startswith("file:") else None


def _folders(store: "Store", folder: str) -> Iterator[str]:
    return (name.removesuffix("/") for name in store.children(folder) if name.endswith("/"))


def _written_in(file: str) -> Iterator[str]:
    """Yield the names of the pipelines that a file defines, spelled as it spells them."""
    from pplns.loader.sources import defined_in

    text = read_bytes(file).decode("utf-8", "replace")
    for folded in defined_in(file, mentioning="pipeline").surely:
        spelled = re.search(rf"(?<![\w-]){re.escape(folded)}(?![\w-])", text, re.IGNORECASE)
        yield spelled[0] if spelled else folded
