"""Cloud Storage refuses, drops, cuts, delays: the run is none the wiser, or ends clearly and goes on later."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from faulty_proxy import HASTY, Fault, FaultyProxy, How, Kind
from kit import Runs, settings_of
from pplns import pipeline, step
from pplns.errors import StoreError
from pplns.stores.gcs import GcsStore
from pplns.stores.gcs.patience import Patience
from store_faults.faulty import EXPECTED, ROOT, Bucket, calls, faulty, finish, meanwhile, outcome_of

pytestmark = pytest.mark.needs_fake_gcs_server

IMPATIENT = Patience(seconds=0.3, answer_s=0.2, first_wait_s=0.01, longest_wait_s=0.05)
PLACES: list[tuple[Kind, str]] = [
    ("write", "/run.json"), ("write", "/lease.json"), ("write", "/artifacts/make"), ("write", "/steps/make"),
    ("write", "/steps/number"), ("write", "/steps/publish"), ("write", "/attempts/1.json"), ("about", "/lease.json"),
    ("read", ""), ("list", ""),
]  # fmt: skip
RESUMED_PLACES: list[tuple[Kind, str]] = [
    ("read", "/run.json"), ("read", "/steps/"), ("read", "/artifacts/"), ("read", "/attempts/"), ("list", "/steps/"),
    ("list", "/redo/"), ("list", "/artifacts/"), ("write", "/lease.json"), ("write", "/attempts/2"),
]  # fmt: skip


@dataclass(frozen=True)
class Trouble:
    """What befalls the requests: the second time as well."""

    how: How
    status: int = 503


TROUBLES = {
    "503": Trouble("refuse", 503), "429": Trouble("refuse", 429), "timeout": Trouble("stall"),
    "cut": Trouble("cut"), "answer lost": Trouble("drop"), "answer cut": Trouble("truncate"),
}  # fmt: skip


@pytest.fixture(params=TROUBLES)
def trouble(request: pytest.FixtureRequest) -> Trouble:
    return TROUBLES[request.param]


@pytest.fixture
def store(bucket: str, proxy: FaultyProxy) -> GcsStore:
    return GcsStore(f"gs://{bucket}/state", data_patience=HASTY, lease_patience=HASTY)


def faults_of(trouble: Trouble, place: tuple[Kind, str], *, times: int) -> list[Fault]:
    return [Fault(place[0], trouble.how, status=trouble.status, about=place[1], times=times)]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_passing_trouble_is_not_noticed(runs: Runs, proxy: FaultyProxy, place: Any, trouble: Trouble) -> None:
    """One request is in trouble, wherever: it is sent again, and each step runs once."""
    proxy.faults = faults_of(trouble, place, times=1)

    record = runs.run(faulty, run_id="r")

    assert (record.state, record.result) == ("succeeded", EXPECTED)
    assert set(calls.values()) == {1}


def close() -> None:
    raise ValueError("closed")


@pytest.mark.parametrize("place", RESUMED_PLACES, ids=str)
def test_passing_trouble_of_a_resume_is_not_noticed(
    runs: Runs, proxy: FaultyProxy, place: Any, trouble: Trouble
) -> None:
    """What is committed is read in spite of it, and not run again."""
    meanwhile["publish"] = close
    runs.run(faulty, run_id="r")
    calls.clear()
    proxy.faults = faults_of(trouble, place, times=1)

    record = runs.resume(faulty, "r")

    assert (record.state, record.result, dict(calls)) == ("succeeded", EXPECTED, {"publish": 1})


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_lasting_trouble_ends_clearly_and_the_run_goes_on(
    bucket: str, store: GcsStore, proxy: FaultyProxy, place: Any
) -> None:
    """Once the deadline of a request is over, the attempt ends; later it goes on behind what is committed."""
    settings = settings_of(ROOT, PPLNS_LEASE_SECONDS="1")
    impatient = GcsStore(store.url, data_patience=IMPATIENT, lease_patience=IMPATIENT)
    proxy.faults = faults_of(TROUBLES["503"], place, times=10_000)

    outcome_of(lambda: Runs(impatient, settings).run(faulty, run_id="r"))
    proxy.faults = []

    wait_for_the_lease(store)
    finish(Runs(store, settings), store)


def wait_for_the_lease(store: GcsStore) -> None:
    """Wait until an attempt whose end couldn't be written has lost its lease."""
    while (register := store.read_register("faulty/runs/r/lease.json")) is not None and register.age_s <= 1.0:
        pass


@step
def make_large() -> Any:
    """Return 12 MB that no compression makes smaller: an upload in two chunks."""
    calls["make_large"] += 1
    return np.random.default_rng(7).integers(0, 2**62, 1_500_000)


@step
def sum_up(values: Any) -> int:
    return int(values.sum() % 1009)


@pipeline
def large() -> Any:
    return sum_up(make_large())


@pytest.mark.parametrize("kind", ["begin", "chunk"])
def test_an_upload_that_breaks_off_is_gone_on_with(
    runs: Runs, proxy: FaultyProxy, kind: Kind, trouble: Trouble
) -> None:
    """In the middle of an upload in chunks: it goes on from what has arrived, and the bytes are those of the digest."""
    proxy.faults = [Fault(kind, trouble.how, status=trouble.status)]
    expected = int(np.random.default_rng(7).integers(0, 2**62, 1_500_000).sum() % 1009)

    record = runs.run(large, run_id="r")

    assert (record.state, record.result, calls["make_large"]) == ("succeeded", expected, 1)
    assert runs.resume(large, "r").steps[0].reused


@pytest.mark.parametrize("during", ["make", "double", "publish"])
def test_a_bucket_that_vanishes_is_named(
    runs: Runs, proxy: FaultyProxy, bucket: str, cloud_storage: str, during: str
) -> None:
    """Taken away while a step runs: the end can't be recorded any more, and the error says which bucket is gone.

    Its objects go before it, and no commit looks in between: it would truly say that the run was deleted."""

    def vanish() -> None:
        with proxy.passing:
            Bucket(cloud_storage, bucket, "state/").vanish()

    meanwhile[during] = vanish

    with pytest.raises(StoreError) as caught:
        runs.run(faulty, run_id="r")

    assert bucket in caught.value.met
    assert "gcloud storage buckets create" in caught.value.remedy
