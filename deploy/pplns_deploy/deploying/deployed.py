"""What is deployed, read from Terraform's state: the variables of the last deployment, and each service as it is.

The settings are noted in the state by the configuration itself (`terraform_data.settings`); image, revision and
traffic come from the service. So a laptop that has never deployed knows as much as the one that has."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pplns.errors import StateError
from pplns_deploy.deploying.summary import NOTES, SERVICE, pipeline_of

TAG = "next"  # of a revision that nobody has verified yet
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """A share of the traffic. `revision` None stands for the newest revision that is ready."""

    revision: str | None
    percent: int
    tag: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the target as the variable `traffic` has it."""
        return {"revision": self.revision, "percent": self.percent, "tag": self.tag}


@dataclass(frozen=True, slots=True)
class LiveService:
    """A pipeline's service. `revision` is the name that its container was given; `created` and `ready` are the newest
    revision and the newest that came up. `urls` has the address of each tag, `problem` what Cloud Run says is wrong."""

    pipeline: str
    service: str
    url: str
    audience: str
    image: str
    revision: str | None
    created: str | None
    ready: str | None
    traffic: tuple[Target, ...]
    urls: Mapping[str, str]
    problem: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether the newest revision is there under the name that it was given, and came up."""
        return self.created is not None and self.created == self.ready and self.revision in (None, self.created)

    @property
    def is_waiting(self) -> bool:
        """Whether the newest revision has the tag of those that nobody has verified yet."""
        return any(one.tag == TAG for one in self.traffic)

    @property
    def serving(self) -> tuple[Target, ...]:
        """The revisions that get traffic, each by its name; none where nothing ever came up."""
        named = [Target(one.revision or self.ready, one.percent) for one in self.traffic if one.percent > 0]
        return tuple(one for one in named if one.revision is not None)

    @property
    def is_serving_newest(self) -> bool:
        """Whether the newest revision gets all traffic."""
        return [one.revision for one in self.serving] == [self.created]


@dataclass(frozen=True, slots=True)
class Deployed:
    """An environment as its state has it. `settings` is None where it was never deployed; `entries` has what each
    pipeline was deployed with but image, revision and traffic."""

    settings: Mapping[str, Any] | None
    entries: Mapping[str, Mapping[str, Any]]
    services: Mapping[str, LiveService]
    invoke_account: str | None = None

    def variables_of(self, pipeline: str) -> dict[str, Any]:
        """Return the variables that leave a pipeline exactly as it is.

        Raises: StateError where its last deployment was cut off before they were noted."""
        live, entry = self.services.get(pipeline), self.entries.get(pipeline)
        if live is None or entry is None:
            raise StateError(
                f"The pipeline {pipeline!r} was deployed only in part: something ended the deployment.",
                "Another pipeline is deployed alone only beside whole ones.",
                f"Finish it: pplns deploy {pipeline}, or all of them: pplns deploy.",
            )
        return {**entry, "image": live.image, "revision": live.revision, "traffic": traffic_variable(live.traffic)}

    def variables(self) -> dict[str, Any]:
        """Return the variables that change nothing at all."""
        names = sorted({*self.services, *self.entries})
        return {**(self.settings or {}), "pipelines": {name: self.variables_of(name) for name in names}}


def traffic_variable(traffic: tuple[Target, ...]) -> list[dict[str, Any]]:
    """Return traffic as the variable has it, where nothing stands for everything to the newest revision."""
    return [] if traffic == (Target(None, 100),) else [one.as_json() for one in traffic]


def read_deployed(state: Json) -> Deployed:
    """Return what a state says, from the JSON of `terraform show`."""
    values: Json = state.get("values") or {}
    outputs: Json = values.get("outputs") or {}
    resources = list(_resources(values.get("root_module", {})))
    notes = {
        one["address"]: one["values"]["input"]
        for one in resources
        if one["type"] == NOTES and one["name"] == "settings"
    }
    entries = {name: json.loads(text) for address, text in notes.items() if (name := pipeline_of(address))}
    services = [_service(one) for one in resources if one["type"] == SERVICE]
    settings = notes.get(f"{NOTES}.settings")
    return Deployed(
        settings=None if settings is None else json.loads(settings),
        entries=entries,
        services={one.pipeline: one for one in services},
        invoke_account=outputs.get("invoke_account", {}).get("value"),
    )


def _resources(module: Json) -> Iterator[Json]:
    yield from (one for one in module.get("resources", []) if one["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _service(resource: Json) -> LiveService:
    values: Json = resource["values"]
    template = values["template"][0]
    statuses: list[Json] = values.get("traffic_statuses") or []
    traffic: list[Json] = values.get("traffic") or []
    conditions: list[Json] = values.get("terminal_condition") or []
    return LiveService(
        pipeline=pipeline_of(resource["address"]) or values["name"],
        service=values["name"],
        url=values.get("uri") or "",
        audience=(values.get("custom_audiences") or [""])[0],
        image=template["containers"][0]["image"],
        revision=template.get("revision") or None,
        created=_short(values.get("latest_created_revision")),
        ready=_short(values.get("latest_ready_revision")),
        traffic=tuple(
            Target(one.get("revision") or None, int(one.get("percent") or 0), one.get("tag") or None) for one in traffic
        ),
        urls={one["tag"]: one["uri"] for one in statuses if one.get("tag") and one.get("uri")},
        problem=" ".join(str(one.get("message") or "") for one in conditions).strip(),
    )


def _short(name: str | None) -> str | None:
    return name.rpartition("/")[2] if name else None
