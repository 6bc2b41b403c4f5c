"""What `pplns package --push` costs, against `buildah bud` and push of the equivalent Dockerfile.

Both build nyc_flights on the same base and push it to the same registry, in turn: from nothing, without any cache, and
after a change of one line of the pipeline. With `--layers` buildah keeps its layers too. The bars: from nothing no
slower than buildah, after a change at most a tenth of the time of plain `buildah bud` and push, and under 1 MB sent.
Run it with a pplns that nobody edits meanwhile: its layer is sent again when it changes.

Needs root, docker-registry, buildah and debootstrap, and Python 3.11, which is Debian's; or, by `--base`, an image with
any Python and pip in a registry that runs:

    python benchmarks/image.py
    python benchmarks/image.py --base 127.0.0.1:5000/python:3.12 --pairs 15
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from image_base import serve_base

from pplns.settings import load_settings
from pplns_deploy.image.build import recipe_of
from pplns_deploy.image.builders import write_context
from pplns_deploy.image.locks import find_lock

BAR, WHOLE_BAR = 0.1, 1.0
MOST_SENT_BYTES = 1_000_000
PASSED_ON = ("PIP_INDEX_URL", "PIP_CERT", "PIP_TRUSTED_HOST", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a build from nothing and pairs of builds after a change, and print both."""
    wanted = read_arguments(arguments)
    with tempfile.TemporaryDirectory(prefix="pplns-benchmark-") as folder, ExitStack() as stack:
        base = wanted.base or stack.enter_context(serve_base(Path(folder)))
        bench = Bench(Path(folder), base, keeps_layers=wanted.layers)
        stack.callback(bench.forget)
        bench.make_project()
        whole = [bench.measure_whole(number) for number in range(wanted.whole_pairs)]
        print_pairs("from nothing", whole, bar=WHOLE_BAR)
        changed = [bench.measure_change(number) for number in range(wanted.pairs)]
        print_pairs("after a change", changed, bar=BAR)
        print(f"sent after a change: {max(bench.sent)} bytes at most; the bar is {MOST_SENT_BYTES}")


def print_pairs(what: str, pairs: Sequence[tuple[float, float]], *, bar: float) -> None:
    """Print the medians of both, and the ratio with its quartiles."""
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    low, middle, high = statistics.quantiles([one / other for one, other in pairs], n=4)
    print(f"{what}: pplns {ours:.2f} s, buildah {theirs:.2f} s, {len(pairs)} pairs")
    print(f"  ratio {middle:.3f}, quartiles {low:.3f} to {high:.3f}; the bar is {bar}", flush=True)


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the base and the number of pairs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--base", help="an image with python and pip, in the registry to push to; else one is made")
    parser.add_argument("--pairs", type=several, default=9, help="pairs after a change, at least 2 (default 9)")
    parser.add_argument("--whole-pairs", type=several, default=3, help="pairs from nothing, at least 2 (default 3)")
    parser.add_argument(
        "--layers", action="store_true", help="let buildah keep its layers, which it doesn't by default"
    )
    return parser.parse_args(arguments)


def several(text: str) -> int:
    """Return a number of pairs that has quartiles."""
    if int(text) < 2:
        raise ValueError
    return int(text)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Bench:
    """A project, and the two ways to make an image of it, each with a cache of its own."""

    def __init__(self, folder: Path, base: str, *, keeps_layers: bool) -> None:
        self.keeps_layers = keeps_layers
        self.folder = folder
        self.project = folder / "flights"
        self.base = base
        self.registry = base.partition("/")[0]
        self.sent: list[int] = []
        self.made: list[str] = []
        self.environ = {**os.environ}
        self.empty_caches(0)

    def make_project(self) -> None:
        """Make and lock the project."""
        self.pplns("init", str(self.project), "--example", "nyc_flights")
        self.pplns("lock", "--project", str(self.project))

    def empty_caches(self, number: int) -> None:
        """Let pplns and uv begin with caches of nothing, and both with repositories of nothing."""
        self.environ["XDG_CACHE_HOME"] = str(self.folder / f"cache-{number}")
        self.environ["UV_CACHE_DIR"] = str(self.folder / f"cache-{number}" / "uv")
        self.number = number

    def measure_whole(self, number: int) -> tuple[float, float]:
        """Build and push from nothing, and return the seconds of both."""
        self.empty_caches(number)
        return self.measure(number, self.package, lambda: self.buildah("--no-cache"))

    def measure(self, number: int, ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
        """Return the seconds of both; which goes first changes from pair to pair."""
        if number % 2:
            return timed(ours), timed(theirs)
        of_theirs = timed(theirs)
        return timed(ours), of_theirs

    def package(self) -> Mapping[str, Any]:
        """Package it by pplns."""
        pushed = ("--push", f"{self.registry}/bench/ours-{self.number}", "--base", self.base, "--json")
        document: dict[str, Any] = json.loads(self.pplns("package", "--project", str(self.project), *pushed))
        return document

    def buildah(self, *more: str) -> None:
        """Build the generated Dockerfile by buildah, and push."""
        settings = load_settings(self.project, environ={})
        lock = find_lock(self.project, platform="linux/amd64")
        recipe = recipe_of(settings, lock.file, platform="linux/amd64", python=lock.python)
        tag = f"{self.registry}/bench/theirs-{self.number}"
        with tempfile.TemporaryDirectory(dir=self.folder) as context:
            write_context(recipe, Path(context), base=self.base)
            passed = [f"--env={name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
            options = [
                f"--layers={str(self.keeps_layers).lower()}",
                "--isolation=chroot",
                "--network=host",
                "--tls-verify=false",
                *more,
                *passed,
            ]
            options += ["--volume=/etc/ssl/certs:/etc/ssl/certs:ro"]  # where this machine trusts a proxy of its own
            self.call("buildah", "bud", "-q", *options, "--iidfile", str(self.folder / "id"), "-t", tag, context)
            self.made.append((self.folder / "id").read_text())
        self.call("buildah", "push", "-q", "--tls-verify=false", tag)

    def measure_change(self, number: int) -> tuple[float, float]:
        """Change a line, and return the seconds of both."""
        pipeline = self.project / "pipelines" / "nyc_flights" / "pipeline.py"
        pipeline.write_text(f"{pipeline.read_text('utf-8')}\nCHANGE = {number}\n", encoding="utf-8")
        return self.measure(number, self.counted, self.buildah)

    def counted(self) -> None:
        """Package, and note what was sent."""
        self.sent.append(self.package()["sent_bytes"])

    def forget(self) -> None:
        """Delete the images that buildah built."""
        if self.made:
            self.call("buildah", "rmi", "-f", *dict.fromkeys(self.made))

    def pplns(self, *arguments: str) -> str:
        """Call pplns as a process of its own, as a shell does."""
        return self.call(sys.executable, "-m", "pplns_deploy", *arguments)

    def call(self, *command: str) -> str:
        """Call a program, which has to succeed."""
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command[:3])} failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
        return done.stdout


if __name__ == "__main__":
    main()
