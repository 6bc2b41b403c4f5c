"""What tests of pipelines use: run one in memory, kill it after any step, freeze its clock, make its store fail.

    from pplns.testing import run

    done = run(daily_sales, {"day": "2013-01-31"}, interrupt="every-step")

Plain functions and context managers, for any test framework. `runs` runs and resumes, `interruption` kills, `clock`
stands still, `failing` fails on order, `inside` is for steps called as functions; `pytest_plugin` works by itself."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pplns.engine.clock import SystemClock
    from pplns.stores import MemoryStore
    from pplns.testing.clock import FrozenClock
    from pplns.testing.failing import FailingStore
    from pplns.testing.inside import inside_run
    from pplns.testing.runs import RunOutcome, resume, run

__all__ = ["FailingStore", "FrozenClock", "MemoryStore", "RunOutcome", "SystemClock", "inside_run", "resume", "run"]

_MODULES = {
    "FailingStore": "pplns.testing.failing",
    "FrozenClock": "pplns.testing.clock",
    "MemoryStore": "pplns.stores",
    "RunOutcome": "pplns.testing.runs",
    "SystemClock": "pplns.engine.clock",
    "inside_run": "pplns.testing.inside",
    "resume": "pplns.testing.runs",
    "run": "pplns.testing.runs",
}


def __getattr__(name: str) -> Any:
    """Import late: the pytest plugin loads this package in every project that has pplns installed."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)
