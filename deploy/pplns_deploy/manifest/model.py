"""The values of a manifest. Every path is relative to the project folder, with slashes; times are seconds.

`as_json` and `from_json` are each other's inverse, so that a manifest can be kept, compared and sent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pplns.errors import ConfigError

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class ParameterEntry:
    """A parameter of a pipeline. `default` is JSON, as a trigger would send it."""

    name: str
    type: str
    required: bool
    is_logical_date: bool
    default: Any


@dataclass(frozen=True, slots=True)
class TriggerEntry:
    """A trigger: of the kind `schedule` with `cron` and `timezone`, or `pubsub` with `topic` and `filter`."""

    kind: Literal["schedule", "pubsub"]
    name: str | None
    params: Mapping[str, Any]
    cron: str | None = None
    timezone: str | None = None
    topic: str | None = None
    filter: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the trigger with the fields of its kind."""
        if self.kind == "schedule":
            own = {"cron": self.cron, "timezone": self.timezone}
        else:
            own = {"topic": self.topic, "filter": self.filter}
        return {"kind": self.kind, **own, "name": self.name, "params": dict(self.params)}


@dataclass(frozen=True, slots=True)
class Declared:
    """A pipeline as its decorator and its function declare it."""

    pipeline: str
    description: str
    parameters: tuple[ParameterEntry, ...]
    triggers: tuple[TriggerEntry, ...]
    cpu: float
    memory: str
    cpu_always: bool
    timeout_s: float | None
    max_concurrent_runs: int | None
    max_parallel_steps: int

    def as_json(self) -> dict[str, Any]:
        """Return what `list --json` and `show --json` have in common."""
        return {
            "pipeline": self.pipeline,
            "description": self.description,
            "parameters": [asdict(one) for one in self.parameters],
            "triggers": [one.as_json() for one in self.triggers],
            "resources": {"cpu": self.cpu, "memory": self.memory, "cpu_always": self.cpu_always},
            "timeout_s": self.timeout_s,
            "max_concurrent_runs": self.max_concurrent_runs,
            "max_parallel_steps": self.max_parallel_steps,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Declared":
        """Return what `as_json` was made from."""
        return cls(
            pipeline=found["pipeline"],
            description=found["description"],
            parameters=tuple(ParameterEntry(**one) for one in found["parameters"]),
            triggers=tuple(TriggerEntry(**one) for one in found["triggers"]),
            **found["resources"],
            timeout_s=found["timeout_s"],
            max_concurrent_runs=found["max_concurrent_runs"],
            max_parallel_steps=found["max_parallel_steps"],
        )


@dataclass(frozen=True, slots=True)
class StepEntry:
    """A step of a pipeline, with the timeout of one try and the number of its tries."""

    step: str
    timeout_s: float | None
    tries: int


@dataclass(frozen=True, slots=True)
class SecretUse:
    """Where the code names a secret; `name` is None where it is computed and can't be known."""

    name: str | None
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class LibraryUse:
    """Where the code imports a module that is neither Python's, nor pplns, nor the project's own."""

    module: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class PipelineEntry:
    """One pipeline. `steps` is None where the graph depends on a parameter that only a run knows.

    `sources` are the project's files that the pipeline's file reaches by imports, itself first; `digest` changes with
    the code that a run would reach."""

    declared: Declared
    file: str
    line: int
    steps: tuple[StepEntry, ...] | None
    secrets: tuple[SecretUse, ...]
    libraries: tuple[LibraryUse, ...]
    sources: tuple[str, ...]
    digest: str

    @property
    def name(self) -> str:
        """The name of the pipeline."""
        return self.declared.pipeline

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the manifest has it."""
        return {
            **self.declared.as_json(),
            "file": self.file,
            "line": self.line,
            "steps": None if self.steps is None else [asdict(one) for one in self.steps],
            "secrets": [asdict(one) for one in self.secrets],
            "libraries": [asdict(one) for one in self.libraries],
            "sources": list(self.sources),
            "digest": self.digest,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "PipelineEntry":
        """Return what `as_json` was made from."""
        steps = found["steps"]
        return cls(
            declared=Declared.from_json(found),
            file=found["file"],
            line=found["line"],
            steps=None if steps is None else tuple(StepEntry(**one) for one in steps),
            secrets=tuple(SecretUse(**one) for one in found["secrets"]),
            libraries=tuple(LibraryUse(**one) for one in found["libraries"]),
            sources=tuple(found["sources"]),
            digest=found["digest"],
        )


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A pipeline file that gives no pipelines, and why."""

    file: str
    line: int | None
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The pipelines of a project, sorted by name, and its broken files."""

    pipelines: tuple[PipelineEntry, ...]
    broken: tuple[BrokenFile, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the manifest as `pplns list --json` writes it."""
        return {
            "schema": SCHEMA,
            "pipelines": [one.as_json() for one in self.pipelines],
            "broken": [asdict(one) for one in self.broken],
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Manifest":
        """Return what `as_json` was made from.

        Raises: ConfigError for a manifest of a newer pplns."""
        if found.get("schema") != SCHEMA:
            raise ConfigError(
                f"The manifest has schema {found.get('schema')!r}.",
                f"This pplns reads {SCHEMA}.",
                "Make it again: pplns list --json.",
            )
        return cls(
            pipelines=tuple(PipelineEntry.from_json(one) for one in found["pipelines"]),
            broken=tuple(BrokenFile(**one) for one in found["broken"]),
        )
