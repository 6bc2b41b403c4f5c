"""What `pplns deploy` of a change of code costs, against Terraform's own time for the two applies that it takes.

Ten pipelines are deployed to the stand-in of Google's APIs, by the real google provider. Then, in turn, all of them
get another image: once by `pplns deploy`, which checks the project, plans, reads the plans, applies, asks every new
revision for its health and moves the traffic; once by `terraform apply` twice, with the variables ready and everything
initialised. The bar: 1.5 times.

Needs Terraform, the extra 'emulate', and the google provider: from its registry, or from the mirror that a file named
in TF_CLI_CONFIG_FILE has.

    python benchmarks/deploy.py --pairs 9
"""

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pplns_deploy.deploying import read_deployed, roll_out, shift_traffic
from pplns_deploy.deploying.google import Google
from pplns_deploy.deploying.saved_state import saved_state
from pplns_deploy.deploying.terraform import PARALLELISM, StatePlace, open_terraform
from pplns_deploy.locking import read_inputs
from pplns_deploy.locking.inputs import this_python
from pplns_deploy.locking.lockfile import Lock
from pplns_deploy.terraform import VARIABLES_FILE, variables_text

BAR = 1.5
PLACE = StatePlace("acme-data-pplns-bench-state", "terraform", "bench")
PROJECT = '[tool.pplns]\n[tool.pplns.env.bench]\nproject = "acme-data"\nregion = "europe-west1"\n'
PIPELINE = (
    "from pplns import Schedule, pipeline, step\n\n@step\ndef one():\n    return 1\n\n"
    '@pipeline(triggers=[Schedule("0 6 * * *")])\ndef {name}():\n    return one()\n'
)
IMAGES = (f"europe-west1-docker.pkg.dev/acme-data/pplns-bench/bench@sha256:{one:064x}" for one in itertools.count(1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure pairs, and print their medians and the ratio."""
    wanted = read_arguments(arguments)
    with tempfile.TemporaryDirectory(prefix="pplns-benchmark-") as name, stand_in() as environ:
        folder = Path(name)
        os.environ.update(environ, XDG_CACHE_HOME=str(folder / "cache"))
        project = make_project(folder / "project", wanted.pipelines)
        pplns(project, "bootstrap", "--yes")
        pplns(project, "deploy", "--yes", "--image", next(IMAGES))
        with open_terraform(PLACE, environ=os.environ, cache=folder / "cache") as terraform:
            applies = Applies(terraform.program, terraform.root, terraform.environ)
            pairs = [measure(number, project, applies) for number in range(wanted.pairs)]
    show(pairs, wanted.pipelines)


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return how many pipelines and pairs there are to be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pipelines", type=int, default=10, help="how many are deployed (default 10)")
    parser.add_argument("--pairs", type=several, default=9, help="how often both are measured, at least 2 (default 9)")
    return parser.parse_args(arguments)


@contextlib.contextmanager
def stand_in() -> Generator[dict[str, str]]:
    """Start the stand-in, and give the environment in which programs go there."""
    command = [sys.executable, "-m", "pplns_deploy.emulator", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield {**told["environment"], "PPLNS_RUN_ADDRESS": told["url"]}
        finally:
            process.terminate()


def make_project(folder: Path, count: int) -> Path:
    """Make a project with so many pipelines."""
    (folder / "pipelines").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    for number in range(count):
        file = folder / "pipelines" / f"sales_{number}.py"
        file.write_text(PIPELINE.format(name=file.stem), encoding="utf-8")
    inputs, python = read_inputs(folder), this_python()
    lock = Lock(inputs.digest((), python), python, inputs.platforms, (), ())
    (folder / "requirements.lock").write_text(lock.as_text(), encoding="utf-8")
    return folder


class Applies:
    """The two applies of a deployment, by Terraform alone in a folder that is initialised."""

    def __init__(self, program: Sequence[str], root: Path, environ: Mapping[str, str]) -> None:
        self.program = program
        self.root = root
        self.environ = environ
        self.numbers = itertools.count()

    def prepare(self, image: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return the variables of both applies for another image of all pipelines."""
        deployed = read_deployed(saved_state(Google(os.environ), PLACE.bucket, PLACE.state_object))
        wanted = deployed.variables()
        for entry in wanted["pipelines"].values():
            entry["image"] = image
        suffix = f"b{next(self.numbers):03d}"
        first = roll_out(wanted, deployed, suffix=lambda: suffix).variables
        revisions = {name: entry["revision"] for name, entry in first["pipelines"].items()}
        return first, shift_traffic(first, revisions)

    def apply(self, variables: Mapping[str, Any]) -> None:
        """Apply."""
        (self.root / VARIABLES_FILE).write_text(variables_text(variables), encoding="utf-8")
        options = ("-auto-approve", "-input=false", "-no-color", f"-parallelism={PARALLELISM}")
        call([*self.program, "apply", *options], cwd=self.root, environ=self.environ)


def measure(number: int, project: Path, applies: Applies) -> tuple[float, float]:
    """Return the seconds of both ways; which goes first changes from pair to pair."""
    found: dict[str, float] = {}
    for way in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
        image = next(IMAGES)
        if way == "ours":
            found[way] = timed(lambda image=image: pplns(project, "deploy", "--yes", "--image", image))
        else:
            first, second = applies.prepare(image)
            found[way] = timed(lambda first=first, second=second: [applies.apply(first), applies.apply(second)])
    print(f"pair {number + 1}: pplns {found['ours']:.1f} s, Terraform {found['theirs']:.1f} s", flush=True)
    return found["ours"], found["theirs"]


def several(text: str) -> int:
    """Return a number of pairs that has quartiles."""
    if int(text) < 2:
        raise ValueError
    return int(text)


def show(pairs: Sequence[tuple[float, float]], pipelines: int) -> None:
    """Print what was measured."""
    ours, theirs = (statistics.median(one) for one in zip(*pairs, strict=True))
    low, middle, high = statistics.quantiles([one / other for one, other in pairs], n=4)
    print(f"{pipelines} pipelines, {len(pairs)} pairs: pplns {ours:.1f} s, Terraform's two applies {theirs:.1f} s")
    print(f"ratio {middle:.2f}, quartiles {low:.2f} to {high:.2f}; the bar is {BAR}")


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def pplns(project: Path, *arguments: str) -> None:
    """Run a command of pplns."""
    call([sys.executable, "-m", "pplns_deploy", *arguments, "--env", "bench"], cwd=project, environ=os.environ)


def call(command: Sequence[str], *, cwd: Path, environ: Mapping[str, str]) -> None:
    """Run a command to its end."""
    ended = subprocess.run(command, cwd=cwd, env=dict(environ), capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")


if __name__ == "__main__":
    main()
