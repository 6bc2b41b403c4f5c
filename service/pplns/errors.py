"""Every error that pplns raises, and what users raise to steer a retry.

    PplnsError
    ├── DefinitionError       a step or pipeline is written in a way that can't run
    ├── ConfigError           settings, project folder, environment
    │   └── LoadError         a pipeline file that doesn't import
    ├── ParameterError        a parameter is unknown, missing or doesn't convert
    ├── NotFoundError         no pipeline, run or step of that name
    ├── TerminalError         raised in a step: a retry can't help
    │   ├── StorageRefused    a step's value has no format that gives it back equal
    │   └── SecretMissing     a secret has no value here
    ├── RetryableError        raised in a step: a later try may help
    ├── StoreError            the store can't be written or reached
    ├── PublishError          a topic can't be reached or takes no message
    ├── RegistryError         a container registry can't be reached, or refuses
    └── StateError            what is stored can't be gone on with
        ├── CheckpointConflict   another holder committed first
        ├── DamagedArtifact      stored bytes differ from their digest
        ├── DamagedRecord        a record is unreadable, or newer than this pplns
        ├── KeyReused            a run id or key again, with other parameters
        ├── LeaseHeld            another holder works on the run
        └── TooManyRuns          max_concurrent_runs of the pipeline are under way
    StopSignal (BaseException)   ends an attempt; `except Exception` can't swallow it
    ├── LeaseLost
    └── Interrupted

A message has three parts: what was met, what was expected, what to do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta

_ENDS = (".", "!", "?", "…", ":", ";", ",")  # of a text that needs no full stop before the next one
_CLOSING = " \n\"')]”»"


class PplnsError(Exception):
    """Base of all errors: `met` says what happened, `expected` what would have been right, `remedy` what to do."""

    code = "error"
    met = ""  # a user's subclass may leave out super().__init__()
    expected = ""
    remedy = ""

    def __init__(self, met: str, expected: str = "", remedy: str = "") -> None:
        super().__init__(met, expected, remedy)
        self.met = met
        self.expected = expected
        self.remedy = remedy

    @property
    def message(self) -> str:
        """What was met and what was expected, without the remedy."""
        return _sentences(self.met, self.expected)

    @property
    def hint(self) -> str:
        """What to do; the `hint` of the error shape in JSON."""
        return _sentences(self.remedy)

    def __str__(self) -> str:
        return _sentences(self.met, self.expected, self.remedy)


def _sentences(*parts: object) -> str:
    """Join the parts of a message, ending each but the last where whoever wrote it didn't.

    A user's parts may be anything, the number of a status say."""
    said = [text for part in parts if part is not None and (text := str(part))]
    ended = [text if text.rstrip(_CLOSING).endswith(_ENDS) else f"{text}." for text in said[:-1]]
    return " ".join([*ended, *said[-1:]])


class DefinitionError(PplnsError):
    """A step or pipeline is written in a way that can't run."""

    code = "bad_definition"


class ConfigError(PplnsError):
    """A setting, the project folder or the environment is not usable."""

    code = "bad_configuration"


class LoadError(ConfigError):
    """A pipeline file doesn't import; the message names file and line."""

    code = "broken_file"


class ParameterError(PplnsError):
    """A parameter of a pipeline is unknown, missing or doesn't convert; nothing has run."""

    code = "bad_parameter"


class NotFoundError(PplnsError):
    """There is no pipeline, run or step of that name."""

    code = "not_found"


class TerminalError(PplnsError):
    """Raise it in a step when a retry can't help: the run fails for good."""

    code = "terminal"


class StorageRefused(TerminalError):
    """A step's value can't be stored so that it comes back equal, types included."""

    code = "cannot_store"


class SecretMissing(TerminalError):
    """A secret has no value in this environment."""

    code = "secret_missing"


class RetryableError(PplnsError):
    """Raise it in a step when a later try may help; `retry_after` in seconds is waited at least.

    It may be a timedelta, or the text of a Retry-After header; text that is no number asks for nothing."""

    code = "retryable"

    def __init__(
        self, met: str, expected: str = "", remedy: str = "", *, retry_after: float | timedelta | str | None = None
    ) -> None:
        super().__init__(met, expected, remedy)
        self.retry_after = retry_after


class StoreError(PplnsError):
    """The store can't be written or reached."""

    code = "store_unavailable"


class PublishError(PplnsError):
    """A message can't be published; nothing says that it was."""

    code = "publish_failed"


class RegistryError(PplnsError):
    """A container registry can't be reached, refuses, or gives other bytes than their digest says."""

    code = "registry_failed"


class StateError(PplnsError):
    """What is stored can't be gone on with."""

    code = "bad_state"


class CheckpointConflict(StateError):
    """Another holder committed this step first; its value stands."""

    code = "checkpoint_conflict"


class DamagedArtifact(StateError):
    """The stored bytes of a value are missing or differ from their digest."""

    code = "damaged_artifact"


class DamagedRecord(StateError):
    """A record is corrupt, half-written, or of a newer schema than this pplns reads."""

    code = "damaged_record"


class KeyReused(StateError):
    """A run id or idempotency key came again with other parameters; nothing was recorded."""

    code = "key_reused"


class LeaseHeld(StateError):
    """Another holder works on this run; `retry_after` is the seconds until its lease could expire."""

    code = "lease_held"

    def __init__(self, met: str, expected: str = "", remedy: str = "", *, retry_after: float = 0.0) -> None:
        super().__init__(met, expected, remedy)
        self.retry_after = retry_after


class TooManyRuns(StateError):
    """`max_concurrent_runs` of the pipeline are under way; `retry_after` is when to ask again, in seconds."""

    code = "too_many_runs"

    def __init__(self, met: str, expected: str = "", remedy: str = "", *, retry_after: float = 0.0) -> None:
        super().__init__(met, expected, remedy)
        self.retry_after = retry_after


class StopSignal(BaseException):
    """Ends an attempt from inside; not an Exception, so that a step's own handlers let it pass."""


class LeaseLost(StopSignal):
    """Another holder took the run over: this one writes nothing more."""


class Interrupted(StopSignal):
    """The attempt was told to stop (Ctrl-C, SIGTERM); what is committed stays."""
