"""What the google provider or a client sends though its discovery document lacks it, one by one, each with its why."""

from collections.abc import Mapping

EXTRA_FIELDS: Mapping[str, Mapping[str, str]] = {}
"""Schema → field → why it is read over."""

_FIELD_OF_THE_BODY = "the provider says this field of the body in the query, and Google takes it from there"
EXTRA_QUERY: Mapping[str, Mapping[str, str]] = {
    "pubsub.projects.subscriptions.patch": {"updateMask": _FIELD_OF_THE_BODY},
    "pubsub.projects.topics.patch": {"updateMask": _FIELD_OF_THE_BODY},
}
"""Method → parameter of the query that is a field of its body → why it is taken."""
