"""What the commands that deploy share: their options, the environment they are about, Terraform for it, the words
for a plan."""

import os
import secrets
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns.errors import ConfigError, NotFoundError
from pplns.model.frozen import Frozen
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import Stopped, write_error
from pplns_deploy.cli.opening import load_project
from pplns_deploy.cli.options import Command, bundled
from pplns_deploy.cli.output import count_text
from pplns_deploy.cli.stages import StageLines

if TYPE_CHECKING:
    from pplns.settings import Settings
    from pplns_deploy.deploying import Deployed, PlanSummary
    from pplns_deploy.deploying.process import LineWatcher
    from pplns_deploy.deploying.stages import Deploying
    from pplns_deploy.deploying.terraform import StatePlace
    from pplns_deploy.environments import Environment
    from pplns_deploy.manifest import Manifest

STATE_PREFIX = "terraform"
MANY = 3  # of a kind that are lost; more are counted, since the plan above names each
SYMBOLS = {"create": ("+", "green"), "update": ("~", "yellow"), "replace": ("!", "red"), "destroy": ("-", "red"),
           "import": ("=", "cyan")}  # fmt: skip


class ImageChoice(Frozen):
    """Where the images of a deployment come from: built here, unless one is named or the live ones are kept."""

    image: str | None
    no_build: bool


class Target(Frozen):
    """A project, and the environment of it that a command is about."""

    settings: "Settings"
    environment: "Environment"
    environments: "Mapping[str, Environment]"


def image_options(command: Command) -> Command:
    """Add `--image` and `--no-build`, as the argument `images`."""
    named = click.option("--image", metavar="IMAGE@DIGEST", help="Take an image that `pplns package --push` made.")
    kept = click.option("--no-build", is_flag=True, help="Keep the images that are live, and build none.")
    return named(kept(bundled(ImageChoice, "images", "image", "no_build")(command)))


def find_target(project: Path | None, env: str | None) -> Target:
    """Return the project and the environment that the options name.

    Raises: ConfigError."""
    from pplns_deploy.environments import choose_environment, read_environments

    settings = load_project(project)
    environments = read_environments(settings.root)
    return Target(settings, choose_environment(environments, env), environments)


def state_place(environment: "Environment") -> "StatePlace":
    """Return where the state of an environment is."""
    from pplns_deploy.deploying.terraform import StatePlace
    from pplns_deploy.environments import names

    return StatePlace(names.state_bucket_name(environment.project, environment.name), STATE_PREFIX, environment.name)


@contextmanager
def opened(console: Console, target: Target, *, watch: "LineWatcher | None" = None) -> "Generator[Deploying]":
    """Give the stages of a deployment, with Terraform at an environment's state.

    Raises: ConfigError."""
    from pplns_deploy.deploying.google import Google
    from pplns_deploy.deploying.stages import Deploying
    from pplns_deploy.deploying.terraform import open_terraform
    from pplns_deploy.image.cache import cache_folder

    place = state_place(target.environment)
    console.begin(f"Reading the state of {target.environment.name} in gs://{place.bucket}/{place.prefix}")
    cache = cache_folder(os.environ)
    heeding = _heeding(console, place, watch or StageLines(console).watch)
    with open_terraform(place, environ=os.environ, cache=cache, watch=heeding) as terraform:
        yield Deploying(terraform, Google(os.environ), _suffix)


def _heeding(console: Console, place: "StatePlace", watch: "LineWatcher") -> "LineWatcher":
    """Return a watcher that also says what is waited for: the lock of the state, or Terraform after Ctrl-C."""
    from pplns_deploy.deploying.process import INTERRUPTED

    def heed(line: Mapping[str, Any]) -> None:
        if line.get("type") == "state_lock_acquire":
            console.say(f"Waiting for the lock of the state; to see who has it: pplns unlock --env {place.environment}")
        if line.get("type") == INTERRUPTED:
            console.say("Terraform ends what it does and saves its state. Ctrl-C twice more ends it at once.")
        watch(line)

    return heed


def checked_manifest(console: Console, target: Target) -> "Manifest":
    """Run the checks, write what they find, and return the manifest.

    Raises: ConfigError where there are errors."""
    from pplns_deploy.checks import check_everything

    console.begin(f"Checking the project for {target.environment.name}")
    checked = check_everything(
        target.settings, now=datetime.now(UTC), chosen=[target.environment], environments=target.environments
    )
    for finding in checked.findings:
        where = f"{finding.place}: " if finding.place else ""
        write_error(console, f"{where}{finding.message}", finding.remedy, kind=finding.severity.capitalize())
    errors = checked.count("error")
    if errors or checked.manifest is None:
        raise ConfigError(
            f"The checks found {count_text(errors, 'error')}.", "Nothing was planned or changed.", "Correct them."
        )
    return checked.manifest


def wanted_variables(
    console: Console, target: Target, manifest: "Manifest", deployed: "Deployed", *, names: Sequence[str],
    images: ImageChoice, is_pushed: bool,
) -> dict[str, Any]:  # fmt: skip
    """Return the variables of the working tree, each pipeline that is meant with its image.

    Raises: ConfigError, NotFoundError, RegistryError."""
    from pplns_deploy.deploying.rollout import require_known
    from pplns_deploy.terraform import generate_variables

    known = [one.name for one in manifest.pipelines]
    require_known(names, known)
    meant = list(names) or known
    try:
        found = _images(console, target, deployed, meant, images=images, is_pushed=is_pushed)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"An image needs {error.name}, which isn't installed.",
            "It comes with the extra 'deploy'.",
            "Install it: pip install 'pplns[deploy]'.",
        ) from error
    chosen = type(manifest)(tuple(one for one in manifest.pipelines if one.name in meant))
    return generate_variables(chosen, target.environment, images=found)


def write_plan(console: Console, summary: "PlanSummary") -> None:
    """Write the changes of a plan by pipeline, and what is lost by them."""
    for line in plan_lines(summary):
        console.say(line)
    for warning in loss_warnings(summary):
        write_error(console, warning, "", kind="Warning")


def loss_warnings(summary: "PlanSummary") -> Iterator[str]:
    """Yield what a plan takes with it: a line for each resource, or for all of a kind where they are many."""
    kinds = {(one.kind, one.action, one.loss): None for one in summary.losses}
    for kind, action, loss in kinds:
        names = [one.name for one in summary.losses if (one.kind, one.action, one.loss) == (kind, action, loss)]
        if len(names) > MANY:
            yield f"{count_text(len(names), kind)} are {_past(action)}, as shown above; of each: {loss}."
        else:
            yield from (f"{name} ({kind}) is {_past(action)}: {loss}." for name in names)


def plan_lines(summary: "PlanSummary") -> Iterator[str]:
    """Yield the lines that a plan is shown by."""
    owners = sorted(
        {one.pipeline for one in summary.changes if not one.is_note}, key=lambda one: (one is not None, one or "")
    )
    for owner in owners:
        yield owner or "Shared by all pipelines"
        for one in summary.of(owner):
            symbol, color = SYMBOLS[one.action]
            fields = f"  {', '.join(one.fields)}" if one.action == "update" else ""
            stays = "  (stays enabled)" if (one.kind, one.action) == ("API", "destroy") else ""
            yield f"  {click.style(symbol, fg=color)} {one.kind} {one.name}{fields}{stays}"
    yield plan_totals(summary)


def plan_totals(summary: "PlanSummary") -> str:
    """Return how much a plan changes, in a line."""
    counts = {"to make": summary.count("create"), "to change": summary.count("update"),
              "to replace": summary.count("replace"), "to destroy": summary.count("destroy"),
              "to take over": summary.count("import")}  # fmt: skip
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    if said:
        return f"{said}."
    return "Nothing to change." if summary.is_empty else "Nothing to change but notes in the state."


def confirm(console: Console, question: str, *, yes: bool) -> None:
    """Ask whether to go on, unless `--yes` said so.

    Raises: ConfigError where nobody can be asked, Stopped where the answer is no."""
    if yes:
        return
    if console.as_json or not console.lines.isatty():
        raise ConfigError(
            "Nobody can be asked here whether to go on.",
            "This is no terminal, or --json was given.",
            "See what would be done with `pplns plan`, and give --yes.",
        )
    if not click.confirm(question, err=True):
        raise Stopped("", "Nothing was applied.")


def require_deployed(deployed: "Deployed", target: Target, *, needs_pipelines: bool = False) -> None:
    """Refuse an environment that was never deployed, or only prepared where pipelines are needed.

    Raises: NotFoundError."""
    if deployed.settings is None or (needs_pipelines and not deployed.services):
        raise NotFoundError(
            f"Nothing is deployed to {target.environment.name}.",
            "",
            f"Deploy first: pplns deploy --env {target.environment.name}",
        )


def _images(
    console: Console, target: Target, deployed: "Deployed", meant: Sequence[str], *, images: ImageChoice,
    is_pushed: bool,
) -> Mapping[str, str]:  # fmt: skip
    from pplns_deploy.deploying.images import live_images, named_image

    if images.image is not None:
        return named_image(images.image, meant)
    if images.no_build:
        return live_images(deployed, meant)
    return _built(console, target, meant, is_pushed=is_pushed)


def _built(console: Console, target: Target, meant: Sequence[str], *, is_pushed: bool) -> dict[str, str]:
    from pplns_deploy.cli.transfers import watching
    from pplns_deploy.deploying.images import Building
    from pplns_deploy.image.cache import Cache, cache_folder
    from pplns_deploy.image.packaging import Packaging

    cache = Cache(cache_folder(os.environ))
    with watching(console) as watch:
        building = Building(target.settings, target.environment, Packaging(cache, os.environ, watch))
        found = building.images_of(meant, is_pushed=is_pushed)
    cache.prune()
    return found


def _past(action: str) -> str:
    return {"replace": "replaced", "destroy": "destroyed"}[action]


def _suffix() -> str:
    return "".join(secrets.choice("bcdfghjkmnpqrstvwxz") for _ in range(4))
