"""Registers: how old they are by Google's clock, and no other."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from faulty_proxy import FaultyProxy
from pplns.stores.gcs import GcsStore

pytestmark = pytest.mark.needs_fake_gcs_server


@pytest.mark.parametrize(("seconds", "least", "most"), [(100, 98, 102), (3600, 3598, 3602), (-50, 0, 0)])
def test_the_age_is_the_date_of_the_answer_less_the_last_write(
    store: GcsStore, proxy: FaultyProxy, seconds: int, least: int, most: int
) -> None:
    """Whatever this machine's clock says; never less than nothing."""
    store.swap("p/lease.json", b"mine", expected=0)
    answered = datetime.now(UTC) + timedelta(seconds=seconds)
    proxy.replaced_headers = {"Date": format_datetime(answered, usegmt=True)}

    register = store.read_register("p/lease.json")

    assert register is not None
    assert least <= register.age_s <= most


def test_a_renewal_makes_a_register_young_again(store: GcsStore, proxy: FaultyProxy) -> None:
    """It is written again, so its generation changes."""
    first = store.swap("p/lease.json", b"mine", expected=0)
    assert first is not None

    renewed = store.renew("p/lease.json", b"mine", generation=first)

    register = store.read_register("p/lease.json")
    assert register is not None
    assert register.generation == renewed != first
    assert register.age_s < 5


def test_a_register_that_changes_while_it_is_read_is_read_again(
    store: GcsStore, other: GcsStore, proxy: FaultyProxy
) -> None:
    """Generation and bytes always belong together."""
    generation = store.swap("p/lease.json", b"first", expected=0)
    assert generation is not None
    swapped: list[int | None] = []

    def overtake(kind: str) -> None:
        if kind == "about" and not swapped:
            swapped.append(0)
            swapped[0] = other.swap("p/lease.json", b"second", expected=generation)

    proxy.meanwhile = lambda seen: overtake(seen.kind)

    register = store.read_register("p/lease.json")

    assert register is not None
    assert (register.data, register.generation) == (b"second", swapped[0])
