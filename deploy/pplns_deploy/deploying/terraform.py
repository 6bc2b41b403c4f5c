"""Terraform's commands as methods, each by its JSON interface.

A command that fails raises what `refusals` makes of its diagnostics. Commands that touch the state wait for its
lock, so of two people who deploy at once one waits."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pplns_deploy.deploying.binary import find_terraform
from pplns_deploy.deploying.folder import ERRORED_STATE, terraform_environment, work_folder
from pplns_deploy.deploying.leftovers import IMPORTS_FILE, imports_text
from pplns_deploy.deploying.process import Ended, Line, LineWatcher, run_terraform
from pplns_deploy.deploying.refusals import TerraformFailed, error_of
from pplns_deploy.terraform import VARIABLES_FILE, variables_text

LOCK_WAIT, PUSH_LOCK_WAIT = "10m", "20s"
PUSH_TRIES = 3
PUSH_PAUSE_SECONDS = 2.0
PARALLELISM = 30  # resources at once; Google's quotas allow it
PLAN_FILE = "pplns.tfplan"
DESTROY, REFRESH_ONLY = "-destroy", "-refresh-only"  # what a plan may be for instead
AS_SAVED = "-refresh=false"  # a plan of what the state says, without asking Google again


@dataclass(frozen=True, slots=True)
class StatePlace:
    """Where the state of an environment is: a bucket, and a prefix of its objects."""

    bucket: str
    prefix: str
    environment: str = ""

    @property
    def state_object(self) -> str:
        """The object that has the state."""
        return f"{self.prefix}/default.tfstate"

    @property
    def lock_object(self) -> str:
        """The object that is there while somebody holds the lock."""
        return f"{self.prefix}/default.tflock"


def ignore(_: Line) -> None:
    """Watch nothing."""


@dataclass(slots=True)
class Terraform:
    """Terraform in a work folder. `program` are the words that each call begins with; `watch` is
    told each line that it writes."""

    program: Sequence[str]
    root: Path
    environ: Mapping[str, str]
    place: StatePlace
    watch: LineWatcher = ignore

    def init(self) -> None:
        """Get the provider and reach the state.

        Raises: ConfigError."""
        backend = (f"-backend-config=bucket={self.place.bucket}", f"-backend-config=prefix={self.place.prefix}")
        self._run("init", "-input=false", *backend)

    def plan(self, variables: Mapping[str, Any], *mode: str) -> dict[str, Any]:
        """Plan the way to some variables, and return the plan as JSON; `apply` applies it.

        Raises: TerraformFailed."""
        (self.root / VARIABLES_FILE).write_text(variables_text(variables), encoding="utf-8")
        self._run("plan", *_CHANGING, f"-out={PLAN_FILE}", *mode)
        return self.show(PLAN_FILE)

    def take_over(self, leftovers: Mapping[str, str]) -> None:
        """Have the next plan take over what is there: address → id."""
        (self.root / IMPORTS_FILE).write_text(imports_text(leftovers), encoding="utf-8")

    def apply(self) -> None:
        """Apply exactly what was planned last.

        Raises: TerraformFailed; StalePlan where the state has changed since."""
        self._run("apply", *_CHANGING, PLAN_FILE)

    def show(self, plan: str) -> dict[str, Any]:
        """Return a plan as JSON."""
        ended = self._run("show", plan)
        return dict(next(one for one in ended.lines if "format_version" in one))

    def _run(self, command: str, *arguments: str) -> Ended:
        words = [*self.program, command, "-json", "-no-color", *arguments]
        ended = run_terraform(
            words, folder=self.root, environ=self.environ, watch=self.watch, log=self.root.parent / f"{command}.log"
        )
        if ended.code == 0:
            return ended
        raise self._with_state(error_of(ended.lines, ended.rest, command=command, environment=self.place.environment))

    def _with_state(self, error: Exception) -> Exception:
        """Return an error, which says more where the state couldn't be saved."""
        left = self.root / ERRORED_STATE
        if not left.exists() or self._push(left):
            return error
        return TerraformFailed(
            f"{error} The state couldn't be saved either; it is in {left}.",
            "What was changed is known from there, and found by the next deployment.",
            f"Deploy again, or save it once the bucket can be written: cd {left.parent} &&"
            f" terraform state push {ERRORED_STATE}",
        )

    def _push(self, left: Path) -> bool:
        """Save a state that Terraform couldn't save: what hindered it may be over. Tell whether that worked."""
        for number in range(PUSH_TRIES):
            time.sleep(PUSH_PAUSE_SECONDS * number)
            words = [*self.program, "state", "push", "-no-color", f"-lock-timeout={PUSH_LOCK_WAIT}", left.name]
            log = self.root.parent / "push.log"
            if run_terraform(words, folder=self.root, environ=self.environ, watch=ignore, log=log).code == 0:
                left.unlink()
                return True
        return False


_CHANGING: Sequence[str] = ("-input=false", f"-lock-timeout={LOCK_WAIT}", f"-parallelism={PARALLELISM}")


@contextmanager
def open_terraform(
    place: StatePlace, *, environ: Mapping[str, str], cache: Path, watch: LineWatcher = ignore
) -> Generator[Terraform]:
    """Give Terraform in a work folder of its own, with the state of an environment at hand.

    Raises: ConfigError."""
    program = find_terraform(environ)
    with work_folder(cache) as root:
        made = Terraform(program, root, terraform_environment(environ, root, cache=cache), place, watch)
        made.init()
        yield made
