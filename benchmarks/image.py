"""What `pplns package --push` costs, against `buildah bud` and push of the equivalent Dockerfile.

Both build nyc_flights on the same base and push it to the same registry: once from nothing, and then, in turn, after a
change of one line of the pipeline. With `--layers` buildah keeps its layers too. The bars: from nothing no slower than
buildah, after a change at most a tenth of the time of plain `buildah bud` and push, and under 1 MB sent. Run it with a
pplns that nobody edits meanwhile: its layer is sent again when it changes.

Needs root, docker-registry, buildah, and a base in a registry that has python and pip:

    python benchmarks/image.py --base 127.0.0.1:5000/python:3.11 --pairs 9
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
from pathlib import Path
from typing import Any

from pplns.settings import load_settings
from pplns_deploy.image.build import recipe_of
from pplns_deploy.image.builders import write_context
from pplns_deploy.image.locks import find_lock

BAR = 0.1
MOST_SENT_BYTES = 1_000_000
PASSED_ON = ("PIP_INDEX_URL", "PIP_CERT", "PIP_TRUSTED_HOST", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a build from nothing and pairs of builds after a change, and print both."""
    wanted = read_arguments(arguments)
    with tempfile.TemporaryDirectory(prefix="pplns-benchmark-") as folder:
        bench = Bench(Path(folder), wanted.base, keeps_layers=wanted.layers)
        bench.make_project()
        ours, theirs = timed(bench.package), timed(lambda: bench.buildah("--no-cache"))
        print(f"from nothing: pplns {ours:.1f} s, buildah {theirs:.1f} s, ratio {ours / theirs:.2f}; the bar is 1")
        pairs = [bench.measure_change(number) for number in range(wanted.pairs)]
        ratios = [one / other for one, other in pairs]
        low, middle, high = statistics.quantiles(ratios, n=4)
        medians = f"pplns {statistics.median(one for one, _ in pairs):.2f} s, buildah"
        print(f"after a change: {medians} {statistics.median(other for _, other in pairs):.2f} s, {wanted.pairs} pairs")
        print(f"ratio {middle:.3f}, quartiles {low:.3f} to {high:.3f}; the bar is {BAR}")
        print(f"sent after a change: {max(bench.sent)} bytes at most; the bar is {MOST_SENT_BYTES}")


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the base and the number of pairs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--base", required=True, help="an image with python and pip, in the registry to push to")
    parser.add_argument("--pairs", type=int, default=9, help="pairs after a change, at least 2 (default 9)")
    parser.add_argument(
        "--layers", action="store_true", help="let buildah keep its layers, which it doesn't by default"
    )
    return parser.parse_args(arguments)


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
        self.environ = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}

    def make_project(self) -> None:
        """Make and lock the project."""
        self.pplns("init", str(self.project), "--example", "nyc_flights")
        self.pplns("lock", "--project", str(self.project))

    def package(self) -> Mapping[str, Any]:
        """Package it by pplns."""
        pushed = ("--push", f"{self.registry}/bench/ours", "--base", self.base, "--json")
        document: dict[str, Any] = json.loads(self.pplns("package", "--project", str(self.project), *pushed))
        return document

    def buildah(self, *more: str) -> None:
        """Build the generated Dockerfile by buildah, and push."""
        settings = load_settings(self.project, environ={})
        lock = find_lock(self.project, platform="linux/amd64")
        recipe = recipe_of(settings, lock.file, platform="linux/amd64", python=lock.python)
        tag = f"{self.registry}/bench/theirs"
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
            self.call("buildah", "bud", "-q", *options, "-t", tag, context)
        self.call("buildah", "push", "-q", "--tls-verify=false", tag)

    def measure_change(self, number: int) -> tuple[float, float]:
        """Change a line, and return the seconds of both; which goes first changes from pair to pair."""
        pipeline = self.project / "pipelines" / "nyc_flights" / "pipeline.py"
        pipeline.write_text(f"{pipeline.read_text('utf-8')}\nCHANGE = {number}\n", encoding="utf-8")
        seconds: dict[str, float] = {}
        works: list[tuple[str, Callable[[], object]]] = [("ours", self.counted), ("theirs", self.buildah)]
        for name, work in works if number % 2 else reversed(works):
            seconds[name] = timed(work)
        return seconds["ours"], seconds["theirs"]

    def counted(self) -> None:
        """Package, and note what was sent."""
        self.sent.append(self.package()["sent_bytes"])

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
