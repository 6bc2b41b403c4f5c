"""Cloud Monitoring: alert policies, notification channels, dashboards, metric descriptors and points.

https://cloud.google.com/monitoring/api/ref_v3/rest; dashboards: https://cloud.google.com/monitoring/api/ref_v1/rest"""

from decimal import Decimal
from typing import Any

from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.log_filters import matches
from pplns_deploy.emulator.apis.values import duration_s
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud, project_number, project_of
from pplns_deploy.emulator.refusals import Refusal, invalid, missing
from pplns_deploy.emulator.tables import masked, page

Json = dict[str, Any]
POLICIES, CHANNELS = "monitoring.alertPolicies", "monitoring.notificationChannels"
DASHBOARDS, DESCRIPTORS, SERIES = "monitoring.dashboards", "monitoring.metricDescriptors", "monitoring.timeSeries"
MAX_CONDITIONS = 6
MAX_CHANNELS = 16  # https://cloud.google.com/monitoring/quotas
MAX_ABSENCE_S = Decimal(84_600)  # 23.5 hours
LABELS = {"email": {"email_address"}, "slack": {"channel_name"}, "pubsub": {"topic"}, "webhook_tokenauth": {"url"},
          "pagerduty": set[str](), "sms": {"number"}, "webhook_basicauth": {"url", "username"}}  # fmt: skip
KINDS = (
    "conditionThreshold", "conditionAbsent", "conditionMatchedLog", "conditionMonitoringQueryLanguage",
    "conditionPrometheusQueryLanguage", "conditionSql",
)  # fmt: skip


def create_policy(cloud: Cloud, call: Call) -> Json:
    """Create an alert policy."""
    name = f"{call.name}/alertPolicies/{_id(cloud)}"
    row = _numbered(cloud, call.body | {"name": name})
    _check_policy(cloud, row)
    return cloud.table(POLICIES).create(
        name, row | {"creationRecord": _record(cloud, call), "mutationRecord": _record(cloud, call)}
    )


def change_policy(cloud: Cloud, call: Call) -> Json:
    """Change an alert policy."""
    row = cloud.table(POLICIES).read(call.name)
    changed = masked(call, "AlertPolicy", row, changes=call.body, mask=call.query.get("updateMask") or "*")
    changed = _numbered(cloud, changed | {"name": call.name})
    _check_policy(cloud, changed)
    cloud.rows[POLICIES][call.name] = changed | {"mutationRecord": _record(cloud, call)}
    return cloud.rows[POLICIES][call.name]


def create_channel(cloud: Cloud, call: Call) -> Json:
    """Create a notification channel."""
    _check_channel(call.body)
    name = f"{call.name}/notificationChannels/{_id(cloud)}"
    row = {"enabled": True} | call.body | {"name": name, "creationRecord": _record(cloud, call)}
    return cloud.table(CHANNELS).create(name, row)


def change_channel(cloud: Cloud, call: Call) -> Json:
    """Change a notification channel."""
    row = cloud.table(CHANNELS).read(call.name)
    changed = masked(call, "NotificationChannel", row, changes=call.body, mask=call.query.get("updateMask"))
    _check_channel(changed)
    cloud.rows[CHANNELS][call.name] = {"enabled": True} | changed | {"name": call.name}
    return cloud.rows[CHANNELS][call.name]


def delete_channel(cloud: Cloud, call: Call) -> Json:
    """Delete a notification channel that no policy names, or by force."""
    users = [row for row in cloud.table(POLICIES).rows.values() if call.name in row.get("notificationChannels", [])]
    if users and not call.query.get("force"):
        raise Refusal("FAILED_PRECONDITION", f"The channel is used by {users[0]['name']}; use force to delete it.")
    cloud.table(CHANNELS).delete(call.name)
    for row in users:
        row["notificationChannels"].remove(call.name)
    return {}


def create_dashboard(cloud: Cloud, call: Call) -> Json:
    """Create a dashboard; its name may be in the body."""
    project = project_of(call.parent)
    name = call.body.get("name") or f"projects/{project_number(project)}/dashboards/{_id(cloud)}"
    _check_dashboard(call.body)
    if call.query.get("validateOnly"):
        return call.body
    return cloud.table(DASHBOARDS).create(name, call.body | {"name": name, "etag": cloud.etag()})


def change_dashboard(cloud: Cloud, call: Call) -> Json:
    """Replace a dashboard; its etag has to be the current one."""
    name = _dashboard(cloud, call)
    row = cloud.table(DASHBOARDS).read(name)
    if call.body.get("etag", row["etag"]) != row["etag"]:
        raise Refusal("ABORTED", "The dashboard's etag is not the current one.")
    _check_dashboard(call.body)
    cloud.rows[DASHBOARDS][name] = call.body | {"name": name, "etag": cloud.etag()}
    return cloud.rows[DASHBOARDS][name]


def read_dashboard(cloud: Cloud, call: Call) -> Json:
    """Return a dashboard."""
    return cloud.table(DASHBOARDS).read(_dashboard(cloud, call))


def delete_dashboard(cloud: Cloud, call: Call) -> Json:
    """Delete a dashboard."""
    cloud.table(DASHBOARDS).delete(_dashboard(cloud, call))
    return {}


def list_dashboards(cloud: Cloud, call: Call) -> Json:
    """List the dashboards of a project."""
    number = project_number(project_of(call.parent))
    rows = cloud.table(DASHBOARDS).rows
    parents = (f"projects/{number}/", f"{call.parent}/")
    return page(call, "dashboards", [rows[name] for name in sorted(rows) if name.startswith(parents)])


def create_descriptor(cloud: Cloud, call: Call) -> Json:
    """Create or replace a metric descriptor."""
    name = f"{call.name}/metricDescriptors/{call.body.get('type', '')}"
    cloud.rows.setdefault(DESCRIPTORS, {})[name] = call.body | {"name": name}
    return cloud.rows[DESCRIPTORS][name]


def write_series(cloud: Cloud, call: Call) -> Json:
    """Keep points of a metric."""
    kept = cloud.rows.setdefault(SERIES, {}).setdefault(call.name, {"timeSeries": []})
    kept["timeSeries"] += call.body.get("timeSeries", [])
    return {}


def list_series(cloud: Cloud, call: Call) -> Json:
    """List the points that were written, of the metric that the filter names."""
    rows: list[Json] = cloud.table(SERIES).rows.get(call.name, {"timeSeries": []})["timeSeries"]
    return page(call, "timeSeries", [row for row in rows if matches(call.query["filter"], row)])


def read(cloud: Cloud, call: Call) -> Json:
    """Return a resource that is shown as it is kept."""
    return cloud.table(_kind(call)).read(call.name)


def delete(cloud: Cloud, call: Call) -> Json:
    """Delete a resource that nothing hangs on."""
    cloud.table(_kind(call)).delete(call.name)
    return {}


def listed(cloud: Cloud, call: Call) -> Json:
    """List the resources of a kind in a project."""
    kind = _kind(call)
    return page(call, kind.partition(".")[2], cloud.table(kind).under(call.name))


def _check_policy(cloud: Cloud, policy: Json) -> None:
    """Source: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies"""
    conditions: list[Json] = policy.get("conditions", [])
    if not policy.get("displayName") or not 1 <= len(conditions) <= MAX_CONDITIONS:
        raise invalid(f"An alert policy has a display_name and 1 to {MAX_CONDITIONS} conditions.")
    if policy.get("combiner", "COMBINE_UNSPECIFIED") == "COMBINE_UNSPECIFIED":
        raise invalid("combiner: is required.")
    for condition in conditions:
        _check_condition(condition, policy)
    if len(policy.get("notificationChannels", [])) > MAX_CHANNELS:
        raise invalid(f"An alert policy has at most {MAX_CHANNELS} notification channels.")
    for channel in policy.get("notificationChannels", []):
        if channel not in cloud.table(CHANNELS):
            raise missing(channel)


def _check_condition(condition: Json, policy: Json) -> None:
    kinds = [kind for kind in KINDS if kind in condition]
    if len(kinds) != 1 or not condition.get("displayName"):
        raise invalid("conditions: each has a display_name and exactly one kind.")
    if kinds == ["conditionMatchedLog"]:
        _check_matched_log(condition["conditionMatchedLog"], policy)
    elif kinds[0] in ("conditionThreshold", "conditionAbsent"):
        _check_metric(kinds[0], condition[kinds[0]])


def _check_matched_log(matched: Json, policy: Json) -> None:
    """Source: https://cloud.google.com/logging/docs/alerting/log-based-alerts"""
    if len(policy["conditions"]) != 1:
        raise invalid("conditionMatchedLog: has to be the only condition of its policy.")
    if "period" not in policy.get("alertStrategy", {}).get("notificationRateLimit", {}):
        raise invalid("alert_strategy.notification_rate_limit: is required with a condition on a matched log.")
    matches(matched.get("filter", ""), {})


def _check_metric(kind: str, condition: Json) -> None:
    """Source: https://cloud.google.com/monitoring/alerts/concepts-indepth"""
    text = condition.get("filter", "")
    if "metric.type" not in text or "resource.type" not in text:
        raise invalid(f"{kind}.filter: must name a metric.type and a resource.type: {text!r}.")
    lasts = duration_s(condition.get("duration", "0s"))
    if kind == "conditionAbsent" and not 60 <= lasts <= MAX_ABSENCE_S:
        raise invalid(f"conditionAbsent.duration: at least a minute and at most {MAX_ABSENCE_S} seconds.")
    if kind == "conditionThreshold" and (lasts % 60 or lasts > 86_400 * 7):
        raise invalid("conditionThreshold.duration: a whole number of minutes.")
    for aggregation in condition.get("aggregations", []):
        if not 60 <= duration_s(aggregation.get("alignmentPeriod", "60s")) <= 90_000:
            raise invalid(f"{kind}.aggregations.alignment_period: 60 seconds to 25 hours.")


def _check_channel(channel: Json) -> None:
    """Source: https://cloud.google.com/monitoring/alerts/using-channels-api"""
    kind = channel.get("type", "")
    if kind not in LABELS:
        raise invalid(f"type: {kind!r} is no type of notification channel; there are {', '.join(sorted(LABELS))}.")
    if lacking := sorted(LABELS[kind] - set(channel.get("labels", {}))):
        raise invalid(f"labels: a channel of type {kind!r} needs {lacking}.")


def _check_dashboard(dashboard: Json) -> None:
    """Source: https://cloud.google.com/monitoring/api/ref_v1/rest/v1/projects.dashboards"""
    layouts = [one for one in ("gridLayout", "mosaicLayout", "rowLayout", "columnLayout") if one in dashboard]
    if not dashboard.get("displayName") or len(layouts) > 1:
        raise invalid("A dashboard has a displayName and one layout.")


def _dashboard(cloud: Cloud, call: Call) -> str:
    """Return the name under which a dashboard is kept: with the project's number, or as it was given."""
    if call.name in cloud.table(DASHBOARDS):
        return call.name
    project = project_of(call.name)
    return call.name.replace(f"projects/{project}/", f"projects/{project_number(project)}/", 1)


def _kind(call: Call) -> str:
    return f"monitoring.{call.method.id.split('.')[-2]}"


def _numbered(cloud: Cloud, policy: Json) -> Json:
    """Return a policy whose conditions have names; a policy is enabled unless it says otherwise."""
    conditions = [
        one | {"name": one.get("name") or f"{policy['name']}/conditions/{_id(cloud)}"}
        for one in policy.get("conditions", [])
    ]
    return {"enabled": True} | policy | {"conditions": conditions}


def _record(cloud: Cloud, call: Call) -> Json:
    return {"mutateTime": cloud.now(), "mutatedBy": call.caller}


def _id(cloud: Cloud) -> str:
    return str(10**18 + cloud.number())


_P, _C, _D = (
    "monitoring.projects.alertPolicies",
    "monitoring.projects.notificationChannels",
    "monitoring.projects.dashboards",
)
_M = "monitoring.projects.metricDescriptors"
METHODS: dict[str, Handler] = {
    f"{_P}.create": create_policy, f"{_P}.get": read, f"{_P}.patch": change_policy, f"{_P}.delete": delete,
    f"{_P}.list": listed,
    f"{_C}.create": create_channel, f"{_C}.get": read, f"{_C}.patch": change_channel, f"{_C}.delete": delete_channel,
    f"{_C}.list": listed,
    f"{_D}.create": create_dashboard, f"{_D}.get": read_dashboard, f"{_D}.patch": change_dashboard,
    f"{_D}.delete": delete_dashboard, f"{_D}.list": list_dashboards,
    f"{_M}.create": create_descriptor, f"{_M}.get": read, f"{_M}.delete": delete, f"{_M}.list": listed,
    "monitoring.projects.timeSeries.create": write_series,
    "monitoring.projects.timeSeries.list": list_series,
}  # fmt: skip
