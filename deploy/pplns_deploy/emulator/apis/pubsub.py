"""Pub/Sub's administration: topics and subscriptions, and publishing far enough to count messages.

https://cloud.google.com/pubsub/docs/reference/rest"""

import re
from typing import Any

from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.values import duration_s, require_between, require_id
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud
from pplns_deploy.emulator.policies import forget, policy_answer, require_account
from pplns_deploy.emulator.refusals import invalid, missing
from pplns_deploy.emulator.schemas import without_defaults
from pplns_deploy.emulator.tables import masked, page

Json = dict[str, Any]
TOPICS = "pubsub.topics"
SUBSCRIPTIONS = "pubsub.subscriptions"
DELETED_TOPIC = "_deleted-topic_"
DAY_S = 86_400
MAX_FILTER_BYTES = 256
MAX_REQUEST_BYTES = 10 * 1000 * 1000
IMMUTABLE = ("topic", "filter", "enableMessageOrdering")
_ID = re.compile(r"(?!goog)[A-Za-z][-A-Za-z0-9_.~+%]{2,254}")
_ID_RULE = (
    "must start with a letter and contain only letters, numbers, dashes, periods, underscores, tildes, pluses or "
    "percent signs; must be 3 to 255 characters and must not start with goog"
)


def create_topic(cloud: Cloud, call: Call) -> Json:
    """Create a topic.

    Source of the names' rule: https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names"""
    require_id("topic", call.name.rpartition("/")[2], _ID, _ID_RULE)
    _check_topic(call.body)
    return _shown(cloud.table(TOPICS).create(call.name, call.body | {"name": call.name}))


def read_topic(cloud: Cloud, call: Call) -> Json:
    """Return a topic."""
    return _shown(cloud.table(TOPICS).read(call.names["topic"]))


def change_topic(cloud: Cloud, call: Call) -> Json:
    """Change a topic."""
    row = cloud.table(TOPICS).read(call.name)
    changed = masked(call, "Topic", row, changes=call.body.get("topic", {}), mask=_mask(call))
    _check_topic(changed)
    cloud.rows[TOPICS][call.name] = changed | {"name": call.name}
    return _shown(cloud.rows[TOPICS][call.name])


def delete_topic(cloud: Cloud, call: Call) -> Json:
    """Delete a topic; its subscriptions stay, of a topic that is gone."""
    cloud.table(TOPICS).delete(call.names["topic"])
    forget(cloud, call.names["topic"])
    for row in cloud.table(SUBSCRIPTIONS).rows.values():
        if row["topic"] == call.names["topic"]:
            row["topic"] = DELETED_TOPIC
    return {}


def list_topics(cloud: Cloud, call: Call) -> Json:
    """List the topics of a project."""
    return page(call, "topics", [_shown(row) for row in cloud.table(TOPICS).under(f"{call.names['project']}/topics")])


def publish(cloud: Cloud, call: Call) -> Json:
    """Take messages and keep them with the topic, for whoever inspects the state."""
    cloud.table(TOPICS).read(call.names["topic"])
    messages: list[Json] = call.body.get("messages", [])
    if (
        not messages
        or len(messages) > 1000
        or any(not one.get("data") and not one.get("attributes") for one in messages)
    ):
        raise invalid("A publish request has 1 to 1,000 messages, each with data or an attribute.")
    if sum(len(one.get("data", "")) for one in messages) > MAX_REQUEST_BYTES * 4 // 3:
        raise invalid(f"The request is larger than {MAX_REQUEST_BYTES} bytes.")
    ids = [str(cloud.number()) for _ in messages]
    kept = [one | {"messageId": id_, "publishTime": cloud.now()} for one, id_ in zip(messages, ids, strict=True)]
    cloud.rows.setdefault("pubsub.messages", {}).setdefault(call.names["topic"], {"messages": []})["messages"] += kept
    return {"messageIds": ids}


def create_subscription(cloud: Cloud, call: Call) -> Json:
    """Create a subscription of a topic that exists."""
    require_id("subscription", call.name.rpartition("/")[2], _ID, _ID_RULE)
    row = call.body | {"name": call.name, "state": "ACTIVE"}
    if row.get("topic", "") not in cloud.table(TOPICS):
        raise missing(row.get("topic", ""))
    row.setdefault("ackDeadlineSeconds", 10)
    row["ackDeadlineSeconds"] = row["ackDeadlineSeconds"] or 10
    row.setdefault("messageRetentionDuration", f"{7 * DAY_S}s")
    row.setdefault("expirationPolicy", {"ttl": f"{31 * DAY_S}s"})
    row.setdefault("pushConfig", {})
    _complete(row)
    _check_subscription(cloud, call, row)
    return _shown(cloud.table(SUBSCRIPTIONS).create(call.name, row))


def read_subscription(cloud: Cloud, call: Call) -> Json:
    """Return a subscription."""
    return _shown(cloud.table(SUBSCRIPTIONS).read(call.names["subscription"]))


def change_subscription(cloud: Cloud, call: Call) -> Json:
    """Change what may be changed of a subscription."""
    row = cloud.table(SUBSCRIPTIONS).read(call.name)
    changed = masked(call, "Subscription", row, changes=call.body.get("subscription", {}), mask=_mask(call))
    for name in IMMUTABLE:
        if changed.get(name, "") != row.get(name, ""):
            raise invalid(f"Invalid update_mask provided in the UpdateSubscriptionRequest: the '{name}' field in the "
                          "Subscription is not mutable.")  # fmt: skip
    changed["name"] = call.name
    _complete(changed)
    _check_subscription(cloud, call, changed)
    cloud.rows[SUBSCRIPTIONS][call.name] = changed
    return _shown(changed)


def delete_subscription(cloud: Cloud, call: Call) -> Json:
    """Delete a subscription."""
    cloud.table(SUBSCRIPTIONS).delete(call.names["subscription"])
    forget(cloud, call.names["subscription"])
    return {}


def list_subscriptions(cloud: Cloud, call: Call) -> Json:
    """List the subscriptions of a project."""
    parent = f"{call.names['project']}/subscriptions"
    return page(call, "subscriptions", [_shown(row) for row in cloud.table(SUBSCRIPTIONS).under(parent)])


def list_subscriptions_of(cloud: Cloud, call: Call) -> Json:
    """List the names of the subscriptions of a topic."""
    topic = call.names["topic"]
    cloud.table(TOPICS).read(topic)
    rows = cloud.table(SUBSCRIPTIONS).rows
    return page(call, "subscriptions", [name for name in sorted(rows) if rows[name]["topic"] == topic])  # type: ignore[misc]


def policy(cloud: Cloud, call: Call) -> Json:
    """Read or write who may publish or subscribe."""
    kind = TOPICS if "/topics/" in call.name else SUBSCRIPTIONS
    cloud.table(kind).read(call.name)
    return policy_answer(cloud, call, call.name)


def _mask(call: Call) -> str:
    mask = call.body.get("updateMask")
    if not mask:
        raise invalid("The update_mask in the request must be set, and must contain a non-empty paths list.")
    return str(mask)


def _complete(row: Json) -> None:
    if "retryPolicy" in row:
        row["retryPolicy"] = {"minimumBackoff": "10s", "maximumBackoff": "600s"} | row["retryPolicy"]
    if "deadLetterPolicy" in row:
        policy = row["deadLetterPolicy"]
        row["deadLetterPolicy"] = policy | {"maxDeliveryAttempts": policy.get("maxDeliveryAttempts") or 5}
    token = row.get("pushConfig", {}).get("oidcToken")
    if token is not None:
        token.setdefault("audience", row["pushConfig"].get("pushEndpoint", ""))


def _check_topic(topic: Json) -> None:
    """Source: https://cloud.google.com/pubsub/docs/topic-properties"""
    if "messageRetentionDuration" in topic:
        _check_retention(topic["messageRetentionDuration"])


def _check_subscription(cloud: Cloud, call: Call, row: Json) -> None:
    """Source: https://cloud.google.com/pubsub/docs/subscription-properties"""
    require_between("ackDeadlineSeconds", row["ackDeadlineSeconds"], least=10, most=600)
    _check_retention(row["messageRetentionDuration"])
    if len(row.get("filter", "").encode()) > MAX_FILTER_BYTES:
        raise invalid(f"The filter exceeds {MAX_FILTER_BYTES} bytes.")
    ttl = row["expirationPolicy"].get("ttl")
    if ttl is not None and duration_s(ttl) < DAY_S:
        raise invalid("expirationPolicy.ttl: must be at least one day.")
    _check_backoff(row.get("retryPolicy"))
    _check_dead_letters(cloud, row)
    _check_push(cloud, call, row["pushConfig"])


def _check_retention(text: str) -> None:
    require_between("messageRetentionDuration", duration_s(text), least=600, most=31 * DAY_S)


def _check_backoff(policy: Json | None) -> None:
    """Source: https://cloud.google.com/pubsub/docs/subscription-retry-policy"""
    if policy is None:
        return
    least, most = duration_s(policy["minimumBackoff"]), duration_s(policy["maximumBackoff"])
    require_between("retryPolicy.minimumBackoff", least, least=0, most=600)
    require_between("retryPolicy.maximumBackoff", most, least=0, most=600)
    if least > most:
        raise invalid("retryPolicy: minimumBackoff must not exceed maximumBackoff.")


def _check_dead_letters(cloud: Cloud, row: Json) -> None:
    """Source: https://cloud.google.com/pubsub/docs/handling-failures#dead_letter_topic"""
    policy = row.get("deadLetterPolicy")
    if policy is None:
        return
    require_between("deadLetterPolicy.maxDeliveryAttempts", policy["maxDeliveryAttempts"], least=5, most=100)
    if policy.get("deadLetterTopic") not in cloud.table(TOPICS):
        raise missing(policy.get("deadLetterTopic", ""))


def _check_push(cloud: Cloud, call: Call, push: Json) -> None:
    """Source: https://cloud.google.com/pubsub/docs/push"""
    endpoint = push.get("pushEndpoint", "")
    if endpoint and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", endpoint):
        raise invalid(f"Invalid push endpoint given (endpoint={endpoint}).")
    token = push.get("oidcToken")
    if token is not None:
        if not token.get("serviceAccountEmail"):
            raise invalid("pushConfig.oidcToken.serviceAccountEmail: is required.")
        require_account(cloud, token["serviceAccountEmail"], caller=call.caller)


def _shown(row: Json) -> Json:
    answer: Json = without_defaults(row)
    return answer


_T, _S = "pubsub.projects.topics", "pubsub.projects.subscriptions"
METHODS: dict[str, Handler] = {
    f"{_T}.create": create_topic,
    f"{_T}.get": read_topic,
    f"{_T}.patch": change_topic,
    f"{_T}.delete": delete_topic,
    f"{_T}.list": list_topics,
    f"{_T}.publish": publish,
    f"{_T}.subscriptions.list": list_subscriptions_of,
    f"{_S}.create": create_subscription,
    f"{_S}.get": read_subscription,
    f"{_S}.patch": change_subscription,
    f"{_S}.delete": delete_subscription,
    f"{_S}.list": list_subscriptions,
    **{
        f"{kind}.{verb}": policy for kind in (_T, _S) for verb in ("getIamPolicy", "setIamPolicy", "testIamPermissions")
    },
}
