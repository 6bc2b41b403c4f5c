"""The lock of Terraform's state: read, and broken by its id alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from google_stand_in import Google
from pplns.errors import ConfigError
from pplns_deploy.cli.unlock import age_text
from pplns_deploy.deploying import google as deploying_google
from pplns_deploy.deploying.locks import break_lock, find_lock, read_lock
from pplns_deploy.deploying.terraform import StatePlace
from pplns_deploy.emulator import provider_environment, serving

pytest.importorskip("googleapiclient", reason="the discovery documents come with google-api-python-client")

PLACE = StatePlace("acme-data-pplns-prod-state", "terraform", "prod")
LOCK = b"""{"ID":"0a7d8f1e-0000-4c00-8000-000000000000","Operation":"OperationTypeApply","Info":"","Who":"ann@laptop",
"Version":"1.11.4","Created":"2026-11-22T22:10:00.123456789Z","Path":"gs://state/terraform/default.tflock"}"""


@pytest.fixture
def cloud() -> Iterator[Google]:
    """A stand-in with the bucket of a state."""
    with serving() as stand_in:
        made = Google(stand_in)
        made.add_bucket(PLACE.bucket)
        yield made


@pytest.fixture
def google(cloud: Google) -> deploying_google.Google:
    return deploying_google.Google(provider_environment(cloud.url))


def test_a_lock_says_who_holds_it_for_what_and_since_when(cloud: Google, google: deploying_google.Google):
    """Its id is the object's generation, as Terraform shows it."""
    generation = cloud.write(PLACE.bucket, PLACE.lock_object, LOCK)["generation"]

    lock = find_lock(google, PLACE)

    assert lock is not None
    assert (lock.id, lock.who, lock.operation) == (generation, "ann@laptop", "apply")
    assert lock.created == datetime(2026, 11, 22, 22, 10, 0, 123456, UTC)


def test_nobody_holds_a_lock_that_is_not_there(google: deploying_google.Google):
    """An environment that nobody changes."""
    assert find_lock(google, PLACE) is None


def test_only_the_lock_that_was_seen_is_broken(cloud: Google, google: deploying_google.Google):
    """Somebody may have taken it meanwhile."""
    seen = cloud.write(PLACE.bucket, PLACE.lock_object, LOCK)["generation"]
    taken = cloud.write(PLACE.bucket, PLACE.lock_object, LOCK)["generation"]

    with pytest.raises(ConfigError, match="No lock"):
        break_lock(google, PLACE, seen)
    kept = find_lock(google, PLACE)
    break_lock(google, PLACE, taken)

    assert (kept and kept.id, find_lock(google, PLACE)) == (taken, None)
    with pytest.raises(ConfigError, match="No lock"):
        break_lock(google, PLACE, taken)


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_a_lock_of_another_program_may_say_nothing(text: str):
    """It is a lock all the same."""
    lock = read_lock("7", text, "2026-11-22T22:10:00Z")

    assert (lock.id, lock.who, lock.operation) == ("7", "somebody", "unknown")
    assert lock.age(lock.created - timedelta(seconds=1)) == timedelta()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (29, "29 s"), (60, "1 min"), (7100, "118 min"), (7200, "2 h"), (172_800, "2 days"), (9e5, "10 days")],
)
def test_an_age_is_said_in_words(seconds: float, words: str):
    """As precisely as it matters."""
    assert age_text(timedelta(seconds=seconds)) == words
