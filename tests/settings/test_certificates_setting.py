"""Where certificates come from: nobody on the way may change them."""

from pathlib import Path

import pytest

from kit import settings_of
from pplns.errors import ConfigError


@pytest.mark.parametrize("url", ["https://certs.example/v1", "http://127.0.0.1:8000/certs", "http://localhost/certs"])
def test_a_safe_address_is_taken(tmp_path: Path, url: str) -> None:
    """Encrypted, or of this machine."""
    assert settings_of(tmp_path, PPLNS_CERTIFICATES_URL=url).certificates_url == url


@pytest.mark.parametrize(
    "url", ["http://certs.example/v1", "http://127.0.0.1.example/x", "certs", "file:///x", "https://a b"]
)
def test_another_one_is_refused(tmp_path: Path, url: str) -> None:
    """Whoever can change them can sign tokens."""
    with pytest.raises(ConfigError, match="PPLNS_CERTIFICATES_URL"):
        settings_of(tmp_path, PPLNS_CERTIFICATES_URL=url)
