"""What `pplns dev` makes of a project's declarations, and what it says of them and of answers."""

from datetime import UTC, datetime

import pytest

from pplns.errors import DefinitionError
from pplns_deploy.dev import reports
from pplns_deploy.dev.broker import Push, Settled, Subscription
from pplns_deploy.dev.declared import declared_in
from pplns_deploy.dev.outgoing import Message
from pplns_deploy.dev.schedules import DeclaredSchedule, Firing
from pplns_deploy.dev.sending import Answer

NOW = datetime(2026, 1, 31, 6, tzinfo=UTC)
FAILED = Answer(503, b'{"error": {"message": "The process ends."}}')


def topic(name, *, label=None, wanted=None):
    return {"kind": "pubsub", "topic": name, "name": label, "filter": wanted, "params": {}}


def listing(*triggers):
    """Return the document of `pplns list --json` for one pipeline."""
    return {"pipelines": [{"pipeline": "sales", "triggers": list(triggers)}], "broken": []}


def test_a_filter_that_cannot_be_read_is_refused_with_its_trigger():
    """A project has many pipelines, and a line in a terminal no place."""
    declared = listing(topic("orders"), topic("projects/acme/topics/returns", wanted="kind = daily"))

    with pytest.raises(DefinitionError, match=r"Pipeline 'sales', PubSub\('returns'\): The filter 'kind = daily'"):
        declared_in(declared, gcp_project="p")


def test_each_subscription_has_a_name_of_its_own():
    """The pipeline's own topic, and one for each trigger, by its name, else its topic's; alike ones are numbered."""
    declared = listing(topic("orders"), topic("orders", wanted="attributes:a"), topic("orders", label="late"))

    names = [one.name.rpartition("/")[2] for one in declared_in(declared, gcp_project="p").subscriptions]

    assert names == ["pplns.sales", "pplns.sales-orders", "pplns.sales-2-orders", "pplns.sales-late"]


def test_a_line_about_a_retry_is_one_sentence():
    """The error's full stop doesn't stand before what comes after."""
    push = Push(Subscription("s", "t", "sales", "d"), Message(b"", "7", NOW), 1)
    firing = Firing(DeclaredSchedule("sales", "sales", "0 6 * * *", "UTC"), NOW, 1)

    assert reports.push_answered(push, FAILED, Settled(is_acked=False, delay_s=10)) == (
        "✗ 7 503: The process ends; again in 10 s"
    )
    assert reports.schedule_answered(firing, FAILED, None) == (
        "✗ sales 503: The process ends; not tried again before its next time"
    )
