"""`pplns event`: the requests that Google would send, known by the service for what they are."""

import json
import shlex
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev_kit import runs_of
from pplns.loader import load_pipeline
from pplns.settings import load_settings
from pplns.triggers.envelope import recognise
from pplns.triggers.requests import Request
from pplns_deploy.cli.commands import cli
from pplns_deploy.dev.outgoing import Outgoing
from pplns_deploy.dev.shells import as_curl, as_powershell


@pytest.fixture
def event(shop, capsys):
    """Call `pplns event` and return its exit code and what it wrote."""

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            cli.main(["event", *arguments], prog_name="pplns")
        return ended.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def delivery(event, shop):
    """Return what the service recognises in a request of `pplns event`."""

    def recognised(*arguments):
        _, out, _ = event(*arguments, "--format", "json")
        sent = json.loads(out)
        headers = {name.lower(): value for name, value in sent["headers"].items()}
        request = Request("POST", "/pipelines/shop/runs", headers, sent["body"].encode())
        settings = load_settings(shop, environ={})
        pipeline = load_pipeline(settings, "shop")
        return recognise(request, pipeline=pipeline, settings=settings, now=datetime.now(UTC))

    return recognised


def test_a_scheduler_request_is_known_with_its_parameters(delivery):
    """Those of the schedule, and over them those that are given; it isn't taken for one that was forced."""
    found = delivery("scheduler", "shop", "-p", "day=2013-01-05")

    assert (found.kind, found.forced) == ("schedule", False)
    assert found.params == {"region": "yearly", "day": "2013-01-05"}
    assert (found.origin.logical_date.month, found.origin.logical_date.hour) == (1, 11)  # 6:00 in New York


def test_a_parameter_that_will_be_refused_is_warned_of(event):
    """On stderr: the request is printed all the same, for a refusal may be what is wanted."""
    code, out, err = event("pubsub", "shop", "-p", "regio=us")

    assert (code, out.startswith("curl ")) == (0, True)
    assert "has no parameter 'regio', and will refuse it. It takes 'day', 'region'." in err
    assert "Did you mean 'region'?" in err


def test_a_scheduler_request_for_a_time(delivery):
    """An offset is respected."""
    found = delivery("scheduler", "shop", "--at", "2013-02-01T08:00:00+02:00", "--schedule", "new-year")

    assert found.origin.logical_date == datetime(2013, 2, 1, 6, tzinfo=UTC)


def test_a_push_is_known_with_its_message(delivery):
    """Attributes, id and attempt, and the parameters of the trigger underneath."""
    found = delivery("pubsub", "shop", "-p", "day=2013-01-05", "--attribute", "kind=daily")

    assert found.kind == "pubsub"
    assert found.params == {"region": "message", "day": "2013-01-05"}
    assert (found.message.attributes, found.message.delivery_attempt) == ({"kind": "daily"}, 1)


@pytest.mark.parametrize("more", [[], ["--type", "google.cloud.storage.object.v1.finalized"]])
def test_a_cloudevent_is_known(delivery, more):
    """That of a Pub/Sub message, and of any other type."""
    found = delivery("cloudevent", "shop", "--data", '{"region": "event"}', *more)

    assert found.params["region"] == "event"
    assert found.kind in ("pubsub", "cloudevent")


def test_a_message_that_the_filter_leaves_out_is_warned_of(event):
    """The request is printed all the same."""
    code, out, err = event("pubsub", "shop", "--attribute", "kind=weekly")

    assert (code, out[:5]) == (0, "curl ")
    assert """wouldn't deliver this message: the filter of its subscription is attributes.kind = "daily\"""" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scheduler", "shop", "--data", "x"], "--data is given for a request of scheduler. It is for pubsub and"),
        (["pubsub", "shop", "--type", "x"], "--type is given for a request of pubsub. It is for cloudevent."),
        (["scheduler", "shop", "--schedule", "old"], "no schedule 'old'. Its schedules: 'new-year'."),
        (["pubsub", "shop", "--topic", "old"], "no topic 'old'. Its topics: 'orders-landed'."),
        (["scheduler", "shop", "--at", "soon"], "--at 'soon' is no time."),
        (["pubsub", "shop", "--data", "x", "-p", "region=y"], "Both -p and --data are given."),
        (["pubsub", "shop", "--attribute", "kind"], "--attribute 'kind' gives none a value."),
        (["cloudevent", "shop", "--type", "a.b", "--data", "{"], "--data '{' is no JSON"),
        (["cloudevent", "shop", "--type", "a.b", "--data", '{"a": 1, "a": 2}'], "In --data the key 'a' stands twice"),
        (
            ["cloudevent", "shop", "--type", "a.b", "--attribute", "my_kind=x"],
            "'my_kind' can be no attribute of a Cloud",
        ),
    ],
)
def test_what_does_not_fit_is_refused(event, arguments, said):
    """With exit code 2, and what would fit."""
    code, out, err = event(*arguments)

    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("value", ['größer "als" 100 %', "a\nb", "https://x/y?z=[1]&~=\\{2}"])
def test_an_attribute_of_an_event_arrives_as_it_was_given(delivery, value):
    """Percent-encoded in its header, of which not every character may be part; the service takes that back."""
    found = delivery("cloudevent", "shop", "--type", "a.b", "--attribute", f"note={value}")

    assert found.origin.trigger.details["event"]["note"] == value


def test_an_event_is_encoded_as_its_http_binding_says(event):
    """Spaces, quotes, percent signs and what isn't printable ASCII; nothing else."""
    _, out, _ = event("cloudevent", "shop", "--type", "a.b/c", "--attribute", 'note=ü "1" 5%~', "--format", "json")

    headers = json.loads(out)["headers"]
    assert (headers["ce-type"], headers["ce-note"]) == ("a.b/c", "%C3%BC%20%221%22%205%25~")


@given(
    body=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")),
    value=st.text("ab'\"$`\\ !*", max_size=9),
)
def test_a_posix_shell_takes_a_command_apart_into_what_was_meant(body, value):
    """Whatever the body and the headers hold."""
    words = shlex.split(as_curl(Outgoing("http://127.0.0.1:1/x", {"X-One": value}, body)))

    assert words[-1] == body
    assert f"X-One: {value}" in words


def test_power_shell_s_quotes_are_doubled():
    """Also the curly ones, which PowerShell takes for the same."""
    written = as_powershell(Outgoing("http://x", {"User-Agent": "me", "X-One": "it's"}, "a\u2019b'c"))

    assert written.splitlines() == [
        "Invoke-WebRequest -UseBasicParsing -Method POST -Uri 'http://x' `",
        "  -UserAgent 'me' `",
        "  -Headers @{'X-One' = 'it''s'} `",
        "  -Body 'a\u2019\u2019b''c'",
    ]


def test_the_command_starts_a_run_when_a_shell_reads_it(event, developing, shop):
    """Piped to sh, twice: the second is the same run."""
    dev = developing()
    _, out, _ = event("scheduler", "shop", "--url", dev.url, "-p", 'region=it\'s "quoted" $HOME')

    answers = [subprocess.run(["sh"], input=out.encode(), capture_output=True, check=True).stdout for _ in range(2)]

    (run,) = runs_of(shop)
    assert [json.loads(answer)["run_id"] for answer in answers] == [run["run_id"]] * 2
    assert run["params"]["region"] == 'it\'s "quoted" $HOME'
