"""Google's certificates: fetched once, again when they are old or a key is new, never in a flood."""

import pytest

from pplns.triggers.certificates import CannotVerify, Certificates, age_in
from token_issuer import Issuer, SigningKey, issuer

__all__ = ["issuer"]


class Hands:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def certificates(issuer: Issuer, clock: Hands) -> Certificates:
    return Certificates(issuer.url, clock=clock)


def test_they_are_fetched_once(issuer: Issuer, certificates: Certificates) -> None:
    """And kept as long as the answer says."""
    for _ in range(3):
        assert set(certificates.holding("test-key")) == {"test-key"}

    assert issuer.fetches == 1


def test_they_are_fetched_again_when_they_are_old(issuer: Issuer, certificates: Certificates, clock: Hands) -> None:
    """By max-age of the answer."""
    certificates.holding("test-key")
    clock.now = 3599.0
    certificates.holding("test-key")
    assert issuer.fetches == 1

    clock.now = 3600.0
    certificates.holding("test-key")

    assert issuer.fetches == 2


def test_a_new_key_is_found(issuer: Issuer, certificates: Certificates, clock: Hands) -> None:
    """Google changes its keys before the old answer ends."""
    certificates.holding("test-key")
    issuer.keys.append(SigningKey("next-key"))
    clock.now = 61.0

    assert "next-key" in certificates.holding("next-key")


def test_made_up_keys_make_no_flood(issuer: Issuer, certificates: Certificates, clock: Hands) -> None:
    """At most one fetch a minute."""
    for second in range(120):
        clock.now = float(second)
        certificates.holding(f"made-up-{second}")

    assert issuer.fetches == 2


def test_known_ones_go_on_when_the_address_is_away(issuer: Issuer, certificates: Certificates, clock: Hands) -> None:
    """An outage of an hour locks nobody out; it is asked again each minute."""
    certificates.holding("test-key")
    issuer.status = 503
    clock.now = 4000.0

    assert set(certificates.holding("test-key")) == {"test-key"}
    assert set(certificates.holding("test-key")) == {"test-key"}
    assert issuer.fetches == 2


def test_without_any_nobody_can_be_checked(issuer: Issuer, certificates: Certificates) -> None:
    """A later request may succeed."""
    issuer.status = 500

    with pytest.raises(CannotVerify, match="can't be fetched: status 500"):
        certificates.holding("test-key")


def test_an_address_that_is_none_says_so() -> None:
    """Nothing listens there."""
    with pytest.raises(CannotVerify, match="can't be fetched"):
        Certificates("http://127.0.0.1:9/certs").holding("test-key")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("public, max-age=21600, must-revalidate", 21600.0),
        ("MAX-AGE=100", 100.0),
        ("max-age=5", 60.0),
        ("max-age=99999999", 86400.0),
        ("s-maxage=7200", 300.0),
        ("no-store", 60.0),
        ("no-cache, max-age=100", 60.0),
        ("", 300.0),
        ("max-age=soon", 300.0),
    ],
)
def test_how_long_an_answer_is_kept(header: str, seconds: float) -> None:
    """Between a minute and a day."""
    assert age_in(header) == seconds
