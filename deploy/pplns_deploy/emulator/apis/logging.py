"""Cloud Logging: entries that are written and read back, and log-based metrics.

https://cloud.google.com/logging/docs/reference/v2/rest"""

import re
from typing import Any
from urllib.parse import unquote

from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.log_filters import matches
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud, project_of
from pplns_deploy.emulator.refusals import Refusal, invalid
from pplns_deploy.emulator.schemas import without_defaults
from pplns_deploy.emulator.tables import page

Json = dict[str, Any]
METRICS = "logging.metrics"
ENTRIES = "logging.entries"
MAX_ENTRY_BYTES = 256 * 1024
MAX_FILTER = 20_000
MAX_LABELS = 10
_METRIC = re.compile(r"[A-Za-z0-9_\-.,+!*',()%/]{1,100}")


def create_metric(cloud: Cloud, call: Call) -> Json:
    """Create a log-based metric."""
    _check_metric(call.body)
    name = f"{call.parent}/metrics/{call.body['name']}"
    if name in cloud.table(METRICS):
        raise Refusal("ALREADY_EXISTS", f"Metric {call.body['name']} already exists.")
    row = call.body | {"createTime": cloud.now(), "updateTime": cloud.now(), "resourceName": name}
    return _shown(cloud.table(METRICS).create(name, _completed(row, name)))


def read_metric(cloud: Cloud, call: Call) -> Json:
    """Return a metric."""
    return _shown(cloud.table(METRICS).read(_name(call)))


def change_metric(cloud: Cloud, call: Call) -> Json:
    """Replace a metric, or make it; its descriptor's kind and type stay."""
    name = _name(call)
    body = {"name": name.partition("/metrics/")[2]} | call.body
    _check_metric(body)
    before = cloud.table(METRICS).rows.get(name, {"createTime": cloud.now()})
    row = _completed(body | {"createTime": before["createTime"], "updateTime": cloud.now(), "resourceName": name}, name)
    known: Json = (row | before)["metricDescriptor"]
    for field in ("metricKind", "valueType"):
        if known[field] != row["metricDescriptor"][field]:
            raise invalid(f"metric_descriptor.{field}: can't be changed.")
    cloud.rows.setdefault(METRICS, {})[name] = row
    return _shown(row)


def delete_metric(cloud: Cloud, call: Call) -> Json:
    """Delete a metric."""
    cloud.table(METRICS).delete(_name(call))
    return {}


def list_metrics(cloud: Cloud, call: Call) -> Json:
    """List the metrics of a project."""
    return page(call, "metrics", [_shown(row) for row in cloud.table(METRICS).under(call.parent)])


def write_entries(cloud: Cloud, call: Call) -> Json:
    """Keep entries, with what they have in common filled in."""
    common = {name: call.body[name] for name in ("logName", "resource") if name in call.body}
    for given in call.body.get("entries", []):
        entry = common | given
        entry["labels"] = call.body.get("labels", {}) | given.get("labels", {})
        _check_entry(entry)
        number = f"{cloud.number():010d}"
        entry |= {"insertId": entry.get("insertId", number), "receiveTimestamp": cloud.now()}
        entry.setdefault("timestamp", entry["receiveTimestamp"])
        if not call.body.get("dryRun"):
            cloud.rows.setdefault(ENTRIES, {})[f"{entry['logName']}/{entry['timestamp']}/{entry['insertId']}"] = entry
    return {}


def list_entries(cloud: Cloud, call: Call) -> Json:
    """List the entries of projects that match a filter, the oldest first unless asked for otherwise."""
    parents = [one.rstrip("/") for one in call.body.get("resourceNames", [])]
    if not parents:
        raise invalid("resource_names: is required.")
    text = call.body.get("filter", "")
    rows = [row for row in cloud.table(ENTRIES).rows.values() if f"projects/{project_of(row['logName'])}" in parents]
    found = [row for row in rows if matches(text, row)]
    newest_first = call.body.get("orderBy", "timestamp asc").endswith("desc")
    found.sort(key=lambda row: (row["timestamp"], row["insertId"]), reverse=newest_first)
    token, size = int(call.body.get("pageToken") or 0), call.body.get("pageSize") or 50
    more = {"nextPageToken": str(token + size)} if token + size < len(found) else {}
    return {"entries": found[token : token + size]} | more


def keep_lines(cloud: Cloud, project: str, labels: Json, lines: list[str]) -> None:
    """Keep lines that a container of Cloud Run wrote; `labels` say of which service and revision."""
    log = f"projects/{project}/logs/run.googleapis.com%2Fstderr"
    resource = {"type": "cloud_run_revision", "labels": {"project_id": project, **labels}}
    for line in lines:
        now, number = cloud.now(), f"{cloud.number():010d}"
        cloud.rows.setdefault(ENTRIES, {})[f"{log}/{now}/{number}"] = {
            "logName": log, "resource": resource, "textPayload": line, "timestamp": now, "receiveTimestamp": now,
            "insertId": number, "severity": "ERROR",
        }  # fmt: skip


def _check_metric(metric: Json) -> None:
    """Source: https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics#LogMetric"""
    if not _METRIC.fullmatch(metric.get("name", "")) or metric["name"].startswith("/"):
        raise invalid(
            f"name: {metric.get('name', '')!r} is no metric's name: up to 100 letters, digits and _-.,+!*',()%/."
        )
    if not metric.get("filter") or len(metric["filter"]) > MAX_FILTER:
        raise invalid(f"filter: 1 to {MAX_FILTER} characters.")
    matches(metric["filter"], {})
    descriptor = metric.get("metricDescriptor", {})
    labels = {one.get("key") for one in descriptor.get("labels", [])}
    if labels != set(metric.get("labelExtractors", {})) or len(labels) > MAX_LABELS:
        raise invalid(f"label_extractors: one for each of the descriptor's labels, at most {MAX_LABELS}.")
    is_distribution = descriptor.get("valueType") == "DISTRIBUTION"
    if is_distribution != bool(metric.get("valueExtractor")):
        raise invalid("value_extractor: is for metrics of type DISTRIBUTION, and required there.")


def _check_entry(entry: Json) -> None:
    """Source: https://cloud.google.com/logging/quotas"""
    name = entry.get("logName", "")
    if not re.fullmatch(r"projects/[^/]+/logs/[A-Za-z0-9%_.\-]{1,511}", name):
        raise invalid(f"log_name: {name!r} is no log's name.")
    if "resource" not in entry:
        raise invalid("resource: is required.")
    if len(str(entry)) > MAX_ENTRY_BYTES:
        raise invalid(f"An entry is at most {MAX_ENTRY_BYTES} bytes.")


def _completed(row: Json, name: str) -> Json:
    metric_type = f"logging.googleapis.com/user/{row['name']}"
    usual = {
        "name": f"projects/{project_of(name)}/metricDescriptors/{metric_type}", "type": metric_type, "unit": "1",
        "metricKind": "DELTA", "valueType": "INT64",
    }  # fmt: skip
    return row | {"metricDescriptor": usual | row.get("metricDescriptor", {}), "version": "V2"}


def _name(call: Call) -> str:
    return unquote(call.names["metricName"])


def _shown(row: Json) -> Json:
    answer: Json = without_defaults(row)
    return answer


METHODS: dict[str, Handler] = {
    "logging.projects.metrics.create": create_metric,
    "logging.projects.metrics.get": read_metric,
    "logging.projects.metrics.update": change_metric,
    "logging.projects.metrics.delete": delete_metric,
    "logging.projects.metrics.list": list_metrics,
    "logging.entries.write": write_entries,
    "logging.entries.list": list_entries,
}
