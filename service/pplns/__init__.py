"""pplns: data pipelines on Cloud Run without a server.

    from pplns import pipeline, step

What a pipeline file needs is imported at once and is cheap; the rest is loaded when first used."""

from pplns.finder import find_quickly as _find_quickly

_find_quickly(__name__)  # before what it is to find

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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.codecs.local_files import File
    from pplns.codecs.registry import register_type
    from pplns.engine.context import CurrentRun, current_run
    from pplns.secrets import Secret

__all__ = [
    "CheckpointConflict",
    "ConfigError",
    "CurrentRun",
    "DefinitionError",
    "File",
    "LeaseHeld",
    "ParameterError",
    "PplnsError",
    "PubSub",
    "Resources",
    "Retry",
    "RetryableError",
    "Schedule",
    "Secret",
    "StateError",
    "TerminalError",
    "__version__",
    "current_run",
    "logical_date",
    "pipeline",
    "register_type",
    "step",
]

_LAZY = {
    "CurrentRun": "pplns.engine.context",
    "File": "pplns.codecs.local_files",
    "Secret": "pplns.secrets",
    "current_run": "pplns.engine.context",
    "register_type": "pplns.codecs.registry",
}


def __getattr__(name: str) -> "Any":
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'pplns' has no attribute {name!r}")
