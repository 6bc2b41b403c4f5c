"""What Terraform asks a provider, and the answers: one method for each question of the protocol."""

import os
from collections.abc import Callable, Iterable
from typing import Any, cast

import requests

from google_provider import grants, planning, resources, schema
from google_provider.google import ADDRESSES, Google, GoogleError, OperationFailed
from google_provider.messages import MESSAGE, is_unknown, packed, problem, value_of
from google_provider.planning import Plan
from google_provider.schema import Block, Row
from google_provider.singular import SINGULAR
from google_provider.table import KINDS, kind_of

METHODS = {  # question → the message that it comes with
    "GetProviderSchema": "Nothing",
    "ValidateProviderConfig": "Nothing",
    "ValidateResourceConfig": "Nothing",
    "ValidateDataResourceConfig": "Nothing",
    "ConfigureProvider": "ConfigureRequest",
    "UpgradeResourceState": "UpgradeRequest",
    "ReadResource": "ReadRequest",
    "PlanResourceChange": "PlanRequest",
    "ApplyResourceChange": "ApplyRequest",
    "ReadDataSource": "SourceRequest",
    "ImportResourceState": "ImportRequest",
    "StopProvider": "Nothing",
}
FAILURES = (GoogleError, OperationFailed, resources.Refused, resources.HalfMade, requests.RequestException)
IMPORTED = {"google_storage_bucket": "{project}/{name}", "google_logging_metric": "{+name}"}


class Provider:
    """The provider: it has what it was configured with, and remembers nothing else."""

    def __init__(self) -> None:
        self.google = Google({}, os.environ)
        self.places: dict[str, str] = {}

    def answer(self, question: str, asked: Any) -> Any:
        """Return the answer to a question."""
        methods: dict[str, Callable[[Any], Any]] = {
            "GetProviderSchema": lambda _: schema.schemas(),
            "ConfigureProvider": self._configure,
            "UpgradeResourceState": self._upgrade,
            "ReadResource": self._read,
            "PlanResourceChange": self._plan,
            "ApplyResourceChange": self._apply,
            "ReadDataSource": self._read_source,
            "ImportResourceState": self._import,
            "StopProvider": lambda _: MESSAGE["Stopped"](),
        }
        return methods.get(question, lambda _: MESSAGE["Accepted"]())(asked)

    def _configure(self, asked: Any) -> Any:
        config = value_of(asked.config)
        endpoints = {name: self._argument(config, f"{name}_custom_endpoint") for name in ADDRESSES}
        self.google = Google({name: url for name, url in endpoints.items() if url}, os.environ)
        self.places = {name: self._argument(config, name) for name in ("project", "region")}
        return MESSAGE["Accepted"]()

    def _argument(self, config: Row, name: str) -> str:
        given = config.get(name) or os.environ.get(f"GOOGLE_{name.upper()}")
        return "" if given is None or is_unknown(given) else str(given)

    def _upgrade(self, asked: Any) -> Any:
        return MESSAGE["Upgraded"](upgraded_state={"json": asked.raw_state.json})

    def _read(self, asked: Any) -> Any:
        row = value_of(asked.current_state)
        try:
            return MESSAGE["Read"](new_state=packed(self._found(asked.type_name, row)))
        except FAILURES as error:
            said = [problem(f"Error when reading or editing {_noun(asked.type_name)} {row['id']!r}: {error}")]
            return MESSAGE["Read"](new_state=packed(row), diagnostics=said)

    def _found(self, type_name: str, row: Row) -> Row | None:
        if policy := grants.policy_of(type_name):
            return grants.read_grant(self.google, policy, row)
        if one := SINGULAR.get(type_name):
            return one.read(self.google, row)
        found = resources.read(self.google, KINDS[type_name], _block(type_name), row)
        return found and _known(found)

    def _plan(self, asked: Any) -> Any:
        if value_of(asked.proposed_new_state) is None:
            return MESSAGE["Planned"](planned_state=packed(None), legacy_type_system=True)
        prior, config = value_of(asked.prior_state), value_of(asked.config)
        plan = self._planned(asked.type_name, config, prior)
        paths = [{"steps": [{"attribute_name": name}]} for name in plan.replaced_for]
        return MESSAGE["Planned"](planned_state=packed(plan.row), requires_replace=paths, legacy_type_system=True)

    def _planned(self, type_name: str, config: Row, prior: Row | None) -> Plan:
        places = {
            "project": self.places.get("project"),
            "region": self.places.get("region"),
            "location": self.places.get("region"),
            "deletion_policy": "DELETE",
        }
        filled = {
            name: given or None
            for name, given in places.items()
            if name in config and config[name] is None and prior is None
        }
        return planning.plan(kind_of(type_name), _block(type_name), config | filled, prior)

    def _apply(self, asked: Any) -> Any:
        planned, prior = value_of(asked.planned_state), value_of(asked.prior_state)
        try:
            made = self._applied(asked.type_name, planned, prior, value_of(asked.config))
        except FAILURES as error:
            doing = "creating" if prior is None else "updating" if planned is not None else "deleting"
            said = [problem(f"Error {doing} {_noun(asked.type_name)}: {error}")]
            left = _known(error.row) if isinstance(error, resources.HalfMade) else prior
            return MESSAGE["Applied"](new_state=packed(left), diagnostics=said, legacy_type_system=True)
        return MESSAGE["Applied"](new_state=packed(made and _known(made)), legacy_type_system=True)

    def _applied(self, type_name: str, planned: Row | None, prior: Row | None, config: Row | None) -> Row | None:
        if planned is None:
            self._delete(type_name, prior or {})
            return None
        if policy := grants.policy_of(type_name):
            return grants.grant(self.google, policy, _known(planned))
        if one := SINGULAR.get(type_name):
            return one.create(self.google, planned, config or {}) if prior is None else planned
        kind, block = KINDS[type_name], _block(type_name)
        if prior is None:
            return resources.create(self.google, kind, block, planned)
        changed = planning.changed_fields(block, prior, planned)
        return resources.update(self.google, kind, block, planned, prior=prior, changed=changed)

    def _delete(self, type_name: str, row: Row) -> None:
        if policy := grants.policy_of(type_name):
            grants.revoke(self.google, policy, row)
        elif one := SINGULAR.get(type_name):
            one.delete(self.google, row)
        else:
            resources.delete(self.google, KINDS[type_name], row)

    def _read_source(self, asked: Any) -> Any:
        """Answer with a project, which is the only source that is used."""
        row = value_of(asked.config)
        project = row["project_id"] or self.places["project"]
        try:
            found = self.google.call("GET", "resource_manager", f"projects/{project}")
        except FAILURES as error:
            return MESSAGE["Source"](diagnostics=[problem(f"Error when reading project {project!r}: {error}")])
        filled = {
            "id": f"projects/{project}",
            "project_id": project,
            "number": found["projectNumber"],
            "name": found.get("name"),
        }
        return MESSAGE["Source"](state=packed(_known(row | filled)))

    def _import(self, asked: Any) -> Any:
        type_name, known = asked.type_name, asked.id
        kind = KINDS.get(type_name)
        template = IMPORTED.get(type_name) or (kind.path.removeprefix("v3/").removeprefix("v1/") if kind else "")
        fields = resources.parse(template, known)
        if kind is None or fields is None:
            said = f"The stand-in of the provider imports a {type_name} by {template or 'no id'}, not by {known!r}."
            return MESSAGE["Imported"](diagnostics=[problem(said)])
        row = _block(type_name).empty() | {"project": self.places["project"], "deletion_policy": "DELETE"} | fields
        row["id"] = resources.expand(kind.id, row) if kind.id and "name" in row else known
        return MESSAGE["Imported"](imported_resources=[{"type_name": type_name, "state": packed(row)}])


def _block(type_name: str) -> Block:
    return schema.block_of("resource", type_name)


def _noun(type_name: str) -> str:
    return type_name.removeprefix("google_").replace("_", " ")


def _known(row: Any) -> Any:
    """Return a row in which nothing is unknown any more."""
    if isinstance(row, dict):
        return {name: _known(value) for name, value in cast("Row", row).items()}
    if isinstance(row, list):
        return [_known(value) for value in cast("Iterable[Any]", row)]
    return None if is_unknown(row) else row
