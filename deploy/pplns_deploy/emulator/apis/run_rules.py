"""What Cloud Run refuses in a service, each rule with Google's page."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pplns_deploy.emulator.apis.values import duration_s, require_id
from pplns_deploy.emulator.refusals import invalid

Json = dict[str, Any]
DEFAULT_LIMITS = {"cpu": "1000m", "memory": "512Mi"}
MAX_TIMEOUT_S = 3600
MAX_CONCURRENCY = 1000
MAX_ENVIRONMENT_BYTES = 32 * 1024
MAX_VARIABLES = 1000
MAX_LABELS = 64
MAX_STARTUP_S = 240
MAX_TAGGED_LENGTH = 46  # of a tag and its service's name, which are parts of one host name
MIB = 1024 * 1024
RESERVED_NAMES = frozenset({"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"})
MEMORY_OF_CPU = {  # cpu → the least and the most memory in MiB
    Decimal(1): (0, 4096), Decimal(2): (0, 8192), Decimal(4): (2048, 16384), Decimal(6): (4096, 24576),
    Decimal(8): (4096, 32768),
}  # fmt: skip
_UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "Ki": 1024, "Mi": MIB, "Gi": 1024**3}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|k|M|G)?")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]{0,47}[a-z0-9])?")
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_TAG = re.compile(r"[a-z]([-a-z0-9]{0,44}[a-z0-9])?")


def check_service_id(name: str) -> None:
    """Refuse a name that isn't lower case letters, digits and hyphens, fewer than 50, beginning with a letter.

    Source: https://cloud.google.com/run/docs/deploying#service"""
    require_id("service_id", name, _SERVICE, "only lowercase, digits, and hyphens; must begin with letter, and may not "
               "end with hyphen; must be less than 50 characters")  # fmt: skip


def check_service(service: Mapping[str, Any]) -> None:
    """Refuse a service whose template or labels break a rule."""
    template = service.get("template")
    if not template:
        raise invalid("Violation in CreateServiceRequest.service.template: a template is required.")
    check_labels(service.get("labels", {}))
    check_labels(template.get("labels", {}))
    _check_audiences(service.get("customAudiences", []))
    _check_timeout(template.get("timeout"))
    _check_scaling(template.get("scaling", {}))
    _check_concurrency(template.get("maxInstanceRequestConcurrency", 0))
    containers: list[Json] = template.get("containers", [])
    if not containers:
        raise invalid("template.containers: at least one container is required.")
    for container in containers:
        _check_container(container, template)


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse labels that aren't short and lower case, and too many of them.

    Sources: https://cloud.google.com/run/docs/configuring/labels,
    https://cloud.google.com/resource-manager/docs/labels-overview#requirements"""
    if len(labels) > MAX_LABELS:
        raise invalid(f"labels: {len(labels)}, at most {MAX_LABELS}.")
    for name, value in labels.items():
        if not _LABEL.fullmatch(name) or not _LABEL_VALUE.fullmatch(value):
            raise invalid(
                f"Label {name!r}: {value!r} is invalid: keys and values have up to 63 lowercase letters, digits, "
                "underscores and hyphens; a key begins with a letter."
            )


def check_traffic(traffic: list[Json], revisions: set[str], *, service: str) -> None:
    """Refuse traffic that doesn't sum to 100, names a revision that doesn't exist, a tag twice or one that is too long.

    Source: https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration"""
    if sum(one.get("percent", 0) for one in traffic) != 100 or any(one.get("percent", 0) < 0 for one in traffic):
        raise invalid("Traffic percentages must sum to 100.")
    tags = [one["tag"] for one in traffic if one.get("tag")]
    if len(tags) != len(set(tags)):
        raise invalid("Traffic tags must be unique.")
    for tag in tags:
        require_id(
            "traffic.tag", tag, _TAG, "lowercase letters, digits and hyphens, at most 46, beginning with a letter"
        )
        if len(tag) + len(service) > MAX_TAGGED_LENGTH:
            raise invalid(
                f"traffic.tag: traffic tag {tag!r} and service name {service!r} together are too long. Combined traffic"
                f" tag and service name cannot exceed {MAX_TAGGED_LENGTH} characters."
            )
    for target in traffic:
        _check_target(target, revisions)


def check_revision_name(name: str, service: str) -> None:
    """Refuse a revision whose name doesn't begin with its service's.

    Source: https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services#RevisionTemplate"""
    if not name.startswith(f"{service}-") or not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name):
        raise invalid(
            f"template.revision: {name!r} must be prefixed by the service's name and a hyphen, {service + '-'!r}, "
            "have lowercase letters, digits and hyphens only, and at most 63 characters."
        )


def secrets_of(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the secrets that a template's environment and volumes read, each with the version."""
    for container in template.get("containers", []):
        for variable in container.get("env", []):
            reference = variable.get("valueSource", {}).get("secretKeyRef")
            if reference:
                yield reference["secret"], reference.get("version", "latest")
    for volume in template.get("volumes", []):
        if "secret" in volume:
            for item in volume["secret"].get("items", [{}]):
                yield volume["secret"]["secret"], item.get("version", "latest")


def _check_target(target: Json, revisions: set[str]) -> None:
    by_revision = target.get("type") == "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    if by_revision and target.get("revision") not in revisions:
        raise invalid(f"traffic: revision {target.get('revision')!r} does not exist.")
    if not by_revision and target.get("revision"):
        raise invalid("traffic: a revision is named only with TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION.")


def _check_audiences(audiences: list[str]) -> None:
    """Refuse empty and repeated audiences, and more than fit.

    Source: https://cloud.google.com/run/docs/configuring/custom-audiences"""
    if len(set(audiences)) != len(audiences) or not all(audiences):
        raise invalid("custom_audiences: must be distinct and not empty.")
    if sum(len(one) for one in audiences) > 32_768:
        raise invalid("custom_audiences: at most 32,768 characters.")


def _check_timeout(timeout: str | None) -> None:
    """Refuse a timeout of nothing or of more than an hour.

    Source: https://cloud.google.com/run/docs/configuring/request-timeout"""
    if timeout is not None and not 0 < duration_s(timeout) <= MAX_TIMEOUT_S:
        raise invalid(f"template.timeout: {timeout!r} must be between 1 second and {MAX_TIMEOUT_S} seconds.")


def _check_scaling(scaling: Mapping[str, int]) -> None:
    """Refuse fewer instances at most than at least.

    Source: https://cloud.google.com/run/docs/configuring/max-instances"""
    least, most = scaling.get("minInstanceCount", 0), scaling.get("maxInstanceCount", 0)
    if least < 0 or most < 0 or (most and least > most):
        raise invalid("template.scaling.max_instance_count must be greater or equal than min_instance_count.")


def _check_concurrency(count: int) -> None:
    """Refuse more requests at once than an instance can have.

    Source: https://cloud.google.com/run/docs/about-concurrency"""
    if not 0 <= count <= MAX_CONCURRENCY:
        raise invalid(f"template.max_instance_request_concurrency: {count} must be between 0 and {MAX_CONCURRENCY}.")


def _check_container(container: Json, template: Mapping[str, Any]) -> None:
    if not container.get("image"):
        raise invalid("template.containers.image: an image is required.")
    _check_resources(container.get("resources", {}), template)
    _check_environment(container.get("env", []))
    if len(container.get("ports", [])) > 1:
        raise invalid("template.containers.ports: only one port can be specified.")
    for kind in ("startupProbe", "livenessProbe"):
        if kind in container:
            _check_probe(kind, container[kind])


def _check_resources(resources: Mapping[str, Any], template: Mapping[str, Any]) -> None:
    limits = DEFAULT_LIMITS | resources.get("limits", {})
    if unknown := sorted(set(limits) - {"cpu", "memory", "nvidia.com/gpu"}):
        raise invalid(f"resources.limits: unknown {unknown}.")
    cpu, memory_mib = parse_cpu(limits["cpu"]), parse_memory_mib(limits["memory"])
    _check_pair(cpu, memory_mib)
    if cpu < 1 and template.get("maxInstanceRequestConcurrency", 0) > 1:
        raise invalid("Total cpu < 1 is not supported with concurrency > 1.")
    if cpu < 1 and not resources.get("cpuIdle", "limits" not in resources):
        raise invalid("Total cpu < 1 is not supported when cpu is always allocated: cpu_idle must be true.")
    if cpu < 1 and template.get("executionEnvironment") == "EXECUTION_ENVIRONMENT_GEN2":
        raise invalid("Total cpu < 1 is not supported in the second generation execution environment.")
    if memory_mib < 512 and template.get("executionEnvironment") == "EXECUTION_ENVIRONMENT_GEN2":
        raise invalid("The second generation execution environment needs at least 512Mi of memory.")


def _check_pair(cpu: Decimal, memory_mib: Decimal) -> None:
    """Refuse CPU and memory that don't go together.

    Source: https://cloud.google.com/run/docs/configuring/services/cpu"""
    if memory_mib < 128:
        raise invalid("memory: must be at least 128Mi.")
    if cpu < 1:
        if not Decimal("0.08") <= cpu or cpu % Decimal("0.001"):
            raise invalid(f"cpu: {cpu} must be 0.08 to 1 in steps of 0.001, or 1, 2, 4, 6 or 8.")
        if memory_mib > 1024 or (memory_mib > 512 and cpu < Decimal("0.5")):
            raise invalid(f"Memory of {memory_mib} MiB needs more CPU than {cpu}: 0.5 over 512Mi, 1 over 1Gi.")
        return
    if cpu not in MEMORY_OF_CPU:
        raise invalid(f"Invalid value specified for cpu. {cpu} is not one of 1, 2, 4, 6, 8.")
    least, most = MEMORY_OF_CPU[cpu]
    if not least <= memory_mib <= most:
        raise invalid(f"Invalid memory for {cpu} cpu: {memory_mib} MiB is not between {least} and {most} MiB.")


def parse_cpu(text: str) -> Decimal:
    """Return CPUs from `1`, `0.5` or `500m`."""
    try:
        return Decimal(text[:-1]) / 1000 if text.endswith("m") else Decimal(text)
    except InvalidOperation:
        raise invalid(f"resources.limits.cpu: {text!r} is not a quantity.") from None


def parse_memory_mib(text: str) -> Decimal:
    """Return mebibytes from `512Mi`, `4Gi` or `1G`."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise invalid(f"resources.limits.memory: {text!r} is not a quantity.")
    return Decimal(found[1]) * _UNITS[found[2] or ""] / MIB


def _check_environment(variables: list[Json]) -> None:
    """Refuse variables that the container can't be given.

    Sources: https://cloud.google.com/run/docs/configuring/services/environment-variables,
    https://cloud.google.com/run/quotas"""
    names = [one.get("name", "") for one in variables]
    if len(names) > MAX_VARIABLES or len(set(names)) != len(names):
        raise invalid(f"env: at most {MAX_VARIABLES} variables, each once.")
    if reserved := sorted(RESERVED_NAMES.intersection(names)):
        raise invalid(
            f"The following reserved env names were provided: {', '.join(reserved)}. These values are automatically "
            "set by the system."
        )
    for variable in variables:
        name = variable.get("name", "")
        if not name or "=" in name or name.startswith("X_GOOGLE_"):
            raise invalid(f"env.name: {name!r} is empty, has a '=' or begins with X_GOOGLE_.")
        if len(name.encode()) + len(variable.get("value", "").encode()) > MAX_ENVIRONMENT_BYTES:
            raise invalid(f"env: {name!r} exceeds the limit of {MAX_ENVIRONMENT_BYTES} bytes.")
        if "value" in variable and "valueSource" in variable:
            raise invalid(f"env: {name!r} has a value and a source.")


def _check_probe(kind: str, probe: Mapping[str, Any]) -> None:
    """Refuse probes out of their ranges; a container has four minutes to start.

    Source: https://cloud.google.com/run/docs/configuring/healthchecks"""
    period, timeout = probe.get("periodSeconds", 10) or 10, probe.get("timeoutSeconds", 1) or 1
    failures, delay = probe.get("failureThreshold", 3) or 3, probe.get("initialDelaySeconds", 0)
    longest = MAX_STARTUP_S if kind == "startupProbe" else 3600
    if not 0 <= delay <= longest or not 1 <= period <= longest or not 1 <= timeout <= period or failures < 1:
        raise invalid(
            f"{kind}: initial_delay_seconds and period_seconds are at most {longest}, timeout_seconds at most "
            "period_seconds, failure_threshold at least 1."
        )
    if kind == "startupProbe" and failures * period > MAX_STARTUP_S:
        raise invalid(f"startupProbe: failure_threshold * period_seconds must be at most {MAX_STARTUP_S} seconds.")
    if len([one for one in ("httpGet", "tcpSocket", "grpc") if one in probe]) > 1:
        raise invalid(f"{kind}: only one of http_get, tcp_socket and grpc.")
