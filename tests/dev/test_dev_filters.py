"""Filters of subscriptions: which messages they let through, and what Pub/Sub would refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns.errors import DefinitionError
from pplns_deploy.dev.filters import parse_filter

DAILY = {"kind": "daily", "region": "eu-west1", "iana.org/tag": "x"}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        (None, True),
        ('attributes.kind = "daily"', True),
        ('attributes.kind="weekly"', False),
        ('attributes.kind != "weekly"', True),
        ('attributes.missing != "weekly"', True),
        ('attributes.missing = ""', False),
        ("attributes:kind", True),
        ("attributes:missing", False),
        ('attributes:"iana.org/tag"', True),
        ('attributes."iana.org/tag" = "x"', True),
        ('hasPrefix(attributes.region, "eu-")', True),
        ('hasPrefix(attributes.missing, "")', False),
        ("NOT attributes:missing", True),
        ("-attributes:kind", False),
        ('attributes:kind AND attributes.region = "us"', False),
        ('attributes.region = "us" OR attributes:kind', True),
        ('NOT (attributes:missing OR attributes.kind = "daily")', False),
        ("NOT attributes:missing AND attributes:kind", True),
        ("(attributes:missing OR attributes:kind) AND attributes:region", True),
        (r'attributes.kind = "da\u0069ly"', True),
        (r'attributes.kind = "\x64a\151\U0000006cy"', True),
        (r'attributes."iana.org\/tag" = "x"', True),
        (r'attributes.kind = "\"daily\""', False),
    ],
)
def test_a_filter_lets_through_what_it_says(text, passes):
    """By the attributes of a message alone."""
    assert parse_filter(text)(DAILY) is passes


@pytest.mark.parametrize(
    "text",
    [
        "attributes", 'kind = "daily"', "attributes.kind = daily", 'attributes.kind > "a"', "attributes:kind AND",
        'attributes:a AND attributes:b OR attributes:c', "(attributes:a", "attributes:a)", "NOT",
        "attributes:a attributes:b",
        r'attributes.a = "\q"', r'attributes.a = "\u12"', r'attributes.a = "\xg0"', r'attributes.a = "\U00110000"',
        'hasPrefix(attributes:a, "b")', 'attributes.kind = "open', "attributes:a §",
    ],
)  # fmt: skip
def test_a_filter_that_pub_sub_would_refuse_is_refused(text):
    """It says where it can't be read."""
    with pytest.raises(DefinitionError, match="can't be read at"):
        parse_filter(text)


@given(st.text(alphabet='attributes.:=!"()NOTANDORhasPrefix, \\-x', max_size=60))
def test_whatever_the_text_it_is_read_or_refused(text):
    """Nothing else comes of it."""
    try:
        assert parse_filter(text)({}) in (True, False)
    except DefinitionError as error:
        assert error.remedy  # noqa: PT017
