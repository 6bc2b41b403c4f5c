"""What every test has: an environment and logging of its own, and how many cases a long proof takes."""

import logging
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import settings

from terraforming import VERSION, is_provider_real, why_not_real

CI_SEED = 20130101  # the sample that every change is held to; `--seed N` takes another one


@dataclass
class Samples:
    """How many cases the long proofs took, for the summary at the end."""

    seed: int
    full: bool
    taken: dict[str, int] = field(default_factory=dict[str, int])


SAMPLES = pytest.StashKey[Samples]()
PLANNED = pytest.StashKey[bool]()  # whether any test plans by Terraform


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pplns", "long proofs")
    group.addoption("--full", action="store_true", help="run every case of the long proofs, not a seeded sample")
    group.addoption("--seed", type=int, default=CI_SEED, help=f"the seed of samples and kills (default {CI_SEED})")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun by a shell in the background; children inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    samples = Samples(seed=config.getoption("--seed"), full=config.getoption("--full"))
    config.stash[SAMPLES] = samples
    examples = 1000 if samples.full else 60
    settings.register_profile("pplns", deadline=None, derandomize=not samples.full, max_examples=examples)
    settings.load_profile("pplns")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as slow what takes a sample: `-m "not slow"` leaves the long proofs out. Thin out the sampled modules.

    What needs Terraform is skipped where there is none, and what needs the real google provider likewise."""
    config.stash[PLANNED] = _skip_without_terraform(items)
    for item in items:
        if "sample" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    samples = config.stash[SAMPLES]
    if not samples.full and len({item.path for item in items}) > 1:
        left_out = [one for module in _sampled_modules(items) for one in _leave_out(module, samples)]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def _skip_without_terraform(items: list[pytest.Item]) -> bool:
    """Skip what needs Terraform, or the real google provider, where it is missing; tell whether the rest plans."""
    missing = "" if shutil.which("terraform") else "no terraform on this machine"
    lacking = {"needs_terraform": missing, "needs_google_provider": "" if is_provider_real() else why_not_real()}
    for item in items:
        for marker, reason in lacking.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
    return not missing and any(item.get_closest_marker("needs_terraform") for item in items)


def _sampled_modules(items: list[pytest.Item]) -> list[list[pytest.Item]]:
    """Return the tests of each module that is marked as sampled."""
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sampled"):
            modules.setdefault(str(item.path), []).append(item)
    return list(modules.values())


def _leave_out(tests: list[pytest.Item], samples: Samples) -> list[pytest.Item]:
    """Return the tests of a sampled module that the seed doesn't draw."""
    marker = tests[0].get_closest_marker("sampled")
    count = min(len(tests), int(marker.args[0]) if marker else len(tests))
    samples.taken[tests[0].nodeid.partition("::")[0]] = count
    drawn = set(random.Random(samples.seed).sample(range(len(tests)), count))
    return [one for place, one in enumerate(tests) if place not in drawn]


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Callable[..., int]:
    """How many cases a long proof takes: `sample(full=1000, ci=40)` is 1000 with `--full`, else 40."""
    samples = request.config.stash[SAMPLES]

    def count(*, full: int, ci: int) -> int:
        taken = full if samples.full else ci
        samples.taken[request.node.nodeid] = taken
        return taken

    return count


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers that come again with the same `--seed`, and differ from test to test."""
    return random.Random(f"{request.config.stash[SAMPLES].seed}:{request.node.nodeid}")


@pytest.fixture(autouse=True)
def isolated_environment() -> Iterator[None]:
    """Hide the PPLNS_ variables of whoever runs the tests, and put the environment back after a test."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("PPLNS_")]:
        del os.environ[name]
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(autouse=True)
def isolated_logging() -> Iterator[None]:
    """Put back the root logger's level and handlers after a test."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash.get(PLANNED, False):
        provider = f"the google provider {VERSION}" if is_provider_real() else "a stand-in of the google provider"
        terminalreporter.section(f"Terraform ran on {provider}")
        if not is_provider_real():
            terminalreporter.write_line(f"It knows no ranges and no conflicts of values; {why_not_real()}")
    samples = config.stash[SAMPLES]
    if not samples.taken:
        return
    how = "every case" if samples.full else "a sample; --full takes every case"
    terminalreporter.section(f"long proofs: seed {samples.seed}, {how}")
    for test, count in samples.taken.items():
        terminalreporter.write_line(f"{count:>7}  {test}")
