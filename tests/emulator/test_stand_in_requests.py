"""Every path, query and body is held to the discovery document of its API."""

import re
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from google_stand_in import (
    ACCOUNTS,
    IMAGE,
    JOBS,
    SERVICES,
    SUBSCRIPTIONS,
    TOPICS,
    Google,
    Refused,
    container,
    job,
    service,
    subscription,
)
from pplns_deploy.emulator.discovery import read_document
from pplns_deploy.emulator.dispatch import APIS
from pplns_deploy.emulator.exceptions import EXTRA_FIELDS, EXTRA_QUERY
from pplns_deploy.emulator.refusals import Refusal
from pplns_deploy.emulator.schemas import check_body

PAGE = Path(__file__).parents[2] / "docs" / "stand-in.md"


@pytest.mark.parametrize(
    ("http", "path"),
    [
        ("GET", f"{SERVICES}/daily/nothing"),
        ("GET", "run/v1/projects/acme-data/locations/us-central1/services"),
        ("PUT", SERVICES),
        ("GET", "nosuchapi/v1/projects"),
        ("GET", "storage/v1/buckets"),
        ("GET", ""),
    ],
)
def test_what_no_api_has_is_404(google: Google, http: str, path: str) -> None:
    """A path or a method of HTTP that no document has is not found, in Google's shape."""
    assert google.refused(http, path).code == 404


def test_what_the_stand_in_lacks_is_501_with_the_name_of_the_method(google: Google) -> None:
    """A method that the API has and the stand-in doesn't says so, and isn't mistaken for a missing resource."""
    refused = google.refused("GET", "run/v2/projects/acme-data/locations/us-central1/jobs")

    assert (refused.code, refused.status) == (501, "UNIMPLEMENTED")
    assert "run.projects.locations.jobs.list" in refused.message


def test_an_unknown_field_is_refused_with_its_place(furnished: Google) -> None:
    """The message is Google's parser's own."""
    refused = furnished.refused("POST", f"{SERVICES}?serviceId=daily", container(imagee="x"))

    assert refused == Refused(
        400,
        "INVALID_ARGUMENT",
        "Invalid JSON payload received. Unknown name \"imagee\" at 'template.containers[0]': Cannot find field.",
    )


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (service(timeout=300), "Invalid value at 'template.timeout'"),
        (service(timeout="5 minutes"), "'template.timeout' (google-duration)"),
        (service(maxInstanceRequestConcurrency="many"), "TYPE_INT32"),
        (service(maxInstanceRequestConcurrency=2**31), "TYPE_INT32"),
        (service(containers={"image": IMAGE}), "expected an array"),
        (service(executionEnvironment="GEN2"), "EXECUTION_ENVIRONMENT_GEN2"),
        (service(sessionAffinity="yes"), "TYPE_BOOL"),
        ({"template": "x"}, "expected an object"),
        (container(resources={"limits": {"cpu": 1}}), "'template.containers[0].resources.limits.cpu'"),
        ([], "expected an object"),
    ],
)
def test_a_value_of_another_type_is_refused(furnished: Google, body: object, wrong: str) -> None:
    """Durations, numbers, lists, enums, booleans and objects are what the document says."""
    refused = furnished.refused("POST", f"{SERVICES}?serviceId=daily", body)

    assert refused.code == 400
    assert wrong in refused.message


def test_all_that_is_wrong_is_in_one_message(furnished: Google) -> None:
    """Whoever mends a body needn't send it once for each mistake."""
    body = {**container(foo=1), "bar": 2}

    assert furnished.refused("POST", f"{SERVICES}?serviceId=daily", body).message.count("Unknown name") == 2


def test_proto_names_nulls_numbers_as_text_and_enums_by_number_are_taken(furnished: Google) -> None:
    """Clients may write fields as protos have them; null is nothing."""
    body = {
        "template": {"service_account": service()["template"]["serviceAccount"], "containers": [{"image": IMAGE}],
                     "max_instance_request_concurrency": "7", "timeout": None},
        "ingress": 2, "launchStage": 4,
    }  # fmt: skip
    made = furnished.post(f"{SERVICES}?serviceId=daily", body)["response"]

    assert made["template"]["maxInstanceRequestConcurrency"] == 7
    assert (made["ingress"], made["launchStage"]) == ("INGRESS_TRAFFIC_INTERNAL_ONLY", "GA")


def test_what_is_output_only_is_read_over(furnished: Google) -> None:
    """A client may send back what it was given."""
    made = furnished.post(f"{SERVICES}?serviceId=daily", service() | {"uid": "mine", "generation": "9"})["response"]

    assert (made["uid"] != "mine", made["generation"]) == (True, "1")


@pytest.mark.parametrize(
    ("query", "wrong"),
    [("serviceId=daily&sevice=1", "sevice"), ("", "service"), ("serviceId=d&validateOnly=3", "BOOL")],
)
def test_the_query_is_held_to_the_document(furnished: Google, query: str, wrong: str) -> None:
    """An unknown parameter, a missing one and one of another type are refused."""
    refused = furnished.refused("POST", f"{SERVICES}?{query}", service())

    assert refused.code == 400
    assert wrong in refused.message


def test_parameters_common_to_all_methods_are_taken(google: Google) -> None:
    """Clients and Terraform add `alt`, `prettyPrint` and `$alt`."""
    assert google.get(f"{JOBS}?alt=json&prettyPrint=false&$alt=json%3Benum-encoding%3Dint") == {}


def test_every_exception_is_on_the_page_and_nothing_else() -> None:
    """docs/stand-in.md has a row for each field and parameter that is taken though a document lacks it."""
    rows = re.findall(r"^\| `([\w.]+)` \| `(\w+)` in the (query|body) \|", PAGE.read_text(encoding="utf-8"), re.M)
    kinds = {"query": EXTRA_QUERY, "body": EXTRA_FIELDS}

    wanted = [(where, name, kind) for kind, all_of in kinds.items() for where, one in all_of.items() for name in one]
    assert sorted(rows) == sorted(wanted)


def test_an_exception_is_one() -> None:
    """What a newer document has is no exception any more."""
    methods = {method.id: method for name, _ in APIS.values() for method in read_document(name).methods}
    schemas = {name: one for api, _ in APIS.values() for name, one in read_document(api).schemas.items()}

    assert not [name for where, one in EXTRA_QUERY.items() for name in one if name in methods[where].parameters]
    assert not [name for where, one in EXTRA_FIELDS.items() for name in one if name in schemas[where]["properties"]]


def test_a_mask_in_the_query_is_the_mask_of_the_body(furnished: Google) -> None:
    """As the google provider changes topics and subscriptions."""
    furnished.put(f"{SUBSCRIPTIONS}/sub", subscription(labels={"team": "data"}))
    changes = {"subscription": {"ackDeadlineSeconds": 60, "labels": {}}}
    furnished.patch(f"{SUBSCRIPTIONS}/sub?updateMask=ackDeadlineSeconds", changes)
    furnished.patch(f"{TOPICS}/orders?updateMask=labels", {"topic": {"labels": {"a": "b"}}})

    assert furnished.get(f"{SUBSCRIPTIONS}/sub")["ackDeadlineSeconds"] == 60
    assert furnished.get(f"{SUBSCRIPTIONS}/sub")["labels"] == {"team": "data"}
    assert furnished.get(f"{TOPICS}/orders")["labels"] == {"a": "b"}


def test_a_body_that_is_no_json_is_refused(google: Google) -> None:
    """Text that can't be parsed is 400."""
    assert google.refused("PUT", f"{TOPICS}/orders", b"{").code == 400


@pytest.mark.parametrize("path", ["", "_as/unknown/"])
def test_a_caller_whom_nobody_knows_is_401(google: Google, path: str) -> None:
    """Neither no token nor an unknown one gets in."""
    unknown = Google(google.stand_in, "unknown")

    assert unknown.refused("GET", f"{path}{ACCOUNTS}").status == "UNAUTHENTICATED"
    with pytest.raises(urllib.request.HTTPError, match="401"):
        urllib.request.urlopen(f"{google.url}/{ACCOUNTS}").close()


@given(st.text("abcdefghijklmnopqrstuvwxyzABC_", min_size=1, max_size=12))
def test_no_field_is_taken_that_the_document_lacks(name: str) -> None:
    """Whatever a field is called, it is known to the document or refused."""
    document = read_document("cloudscheduler.v1")
    known = set(document.schemas["Job"]["properties"])
    first, *others = name.split("_")
    is_known = name in known or first + "".join(one[:1].upper() + one[1:] for one in others) in known

    try:
        check_body(document, "Job", {name: None})
    except Refusal:
        assert not is_known
    else:
        assert is_known


@pytest.mark.parametrize(("name", "handlers"), list(APIS.values()), ids=[name for name, _ in APIS.values()])
def test_an_api_has_work_of_its_own_for_some_of_its_methods(name: str, handlers: dict[str, object]) -> None:
    """A handler's name that no document has would never be called; each document has some that are."""
    everywhere = {method.id for document, _ in APIS.values() for method in read_document(document).methods}
    own = {method.id for method in read_document(name).methods}

    assert set(handlers) <= everywhere
    assert set(handlers) & own


def test_every_name_in_a_path_is_unquoted(furnished: Google) -> None:
    """An object's name may have slashes, which come as %2F, and spaces."""
    furnished.write("acme-runs", "a%2Fb%20c")

    assert furnished.get("storage/v1/b/acme-runs/o/a%2Fb%20c")["name"] == "a/b c"


def test_a_job_is_checked_as_a_service_is(furnished: Google) -> None:
    """The check is the document's, not one API's."""
    assert "retryCount" in furnished.refused("POST", JOBS, job(retryConfig={"retryCount": "x"})).message
