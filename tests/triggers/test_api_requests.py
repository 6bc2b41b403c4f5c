"""Plain API calls: parameters, keys, refusals."""

import gzip
import json
from typing import Any

import pytest

from deliveries import NOW
from pplns.triggers.messages import BadDelivery


def test_a_body_brings_parameters(recognised: Any) -> None:
    """What stands under "params" is what is sent, as it is."""
    delivery = recognised({"params": {"day": "2013-01-04"}})

    assert (delivery.kind, delivery.params, delivery.forced) == ("api", {"day": "2013-01-04"}, False)
    assert delivery.message is None


@pytest.mark.parametrize("body", [b"", b" \n", {}, {"params": {}}], ids=repr)
def test_a_body_without_parameters_starts_a_run(recognised: Any, body: object) -> None:
    """Every parameter has its default."""
    assert recognised(body).params == {}


def test_a_request_without_a_key_is_a_run_of_its_own(recognised: Any) -> None:
    """Its key is random, and its time is now, in the project's time zone."""
    first, second = recognised().origin, recognised().origin

    assert first.trigger.key != second.trigger.key
    assert (first.logical_date, first.trigger.timezone, first.brings_time) == (NOW, "Europe/Paris", True)


def test_an_idempotency_key_is_the_key(recognised: Any) -> None:
    """It brings no time: the run id of the first request with it counts, and its parameters are compared."""
    origin = recognised({}, {"idempotency-key": " order 7 "}).origin

    assert (origin.trigger.kind, origin.trigger.key) == ("api", "order%207")
    assert (origin.brings_time, origin.compare_params, origin.by_person) == (False, True, False)


@pytest.mark.parametrize("key", ["", "   ", "k" * 256])
def test_a_key_that_is_none_is_refused(recognised: Any, key: str) -> None:
    """An empty key would join strangers, a long one is a mistake."""
    with pytest.raises(BadDelivery, match="It has 1 to 255"):
        recognised({}, {"idempotency-key": key})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"day=2013-01-04", "is no JSON"),
        (b"[1]", r"The body is \[1\]"),
        (b"\xff\xfe", "is no JSON"),
        (b'{"params": {"limit": NaN}}', "a number is NaN"),
        (b'{"params": {"limit": 1e999}}', "too large"),
        (b'{"params": {"limit": %s}}' % (b"9" * 5000), "a number has thousands of digits"),
        (b"[" * 5000 + b"]" * 5000, "nested over 100 deep"),
        (json.dumps({"params": json.loads("[" * 150 + "]" * 150)}), "nested over 100 deep"),
        (b'{"params": {"limit": 1, "limit": 2}}', "the key 'limit' stands twice"),
        (b'{"params": {}, "params": {"limit": 2}}', "the key 'params' stands twice"),
        ({"params": [1]}, r'"params" in the body is \[1\]'),
        ({"params": None}, '"params" in the body is None'),
        ({"parms": {}}, "Did you mean 'params'"),
        ({"day": "2013-01-04"}, "parameters stand under 'params'"),
        ({"schedule": "us"}, "has the key 'schedule'"),
        ({"message": "hello"}, "has the key 'message'"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_body_that_is_none_is_refused(recognised: Any, body: object, said: str) -> None:
    """The message says what was met, and how a body looks."""
    with pytest.raises(BadDelivery, match=said) as refused:
        recognised(body)

    assert refused.value.push is None
    assert refused.value.expected
    assert refused.value.remedy


def test_a_compressed_body_is_refused_by_its_cause(recognised: Any) -> None:
    """Its bytes are no JSON, which would name the wrong fault; `identity` is no compression."""
    with pytest.raises(BadDelivery, match="compressed: Content-Encoding is 'gzip'"):
        recognised(gzip.compress(b"{}"), {"content-encoding": "gzip"})

    assert recognised(b"{}", {"content-encoding": "Identity"}).params == {}
