"""pplns: data pipelines on Cloud Run without a server.

    from pplns import pipeline, step

What a pipeline file needs is imported at once and is cheap; the rest is loaded when first used."""

from typing import TYPE_CHECKING, Any

from pplns._version import __version__
from pplns.errors import (
    CheckpointConflict,
    ConfigError,
    DefinitionError,
    LeaseHeld,
    ParameterError,
    PplnsError,
    RetryableError,
    StateError,
    TerminalError,
)
from pplns.model.policies import Resources, Retry
from pplns.model.triggers import PubSub, Schedule
from pplns.steps import logical_date, pipeline, step

if TYPE_CHECKING:
    from pplns.engine.context import CurrentRun, current_run

__all__ = [
    "CheckpointConflict",
    "ConfigError",
    "CurrentRun",
    "DefinitionError",
    "LeaseHeld",
    "ParameterError",
    "PplnsError",
    "PubSub",
    "Resources",
    "Retry",
    "RetryableError",
    "Schedule",
    "StateError",
    "TerminalError",
    "__version__",
    "current_run",
    "logical_date",
    "pipeline",
    "step",
]


def __getattr__(name: str) -> Any:
    if name in ("CurrentRun", "current_run"):
        from pplns.engine import context

        return getattr(context, name)
    raise AttributeError(f"module 'pplns' has no attribute {name!r}")
