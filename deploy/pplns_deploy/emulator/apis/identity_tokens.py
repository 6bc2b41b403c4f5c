"""Identity tokens signed with a key that is made once a process, whose certificate the stand-in serves; and keys.

Source of the claims: https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload"""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

Json = dict[str, Any]
ISSUER = "https://accounts.google.com"
KEY_ID = "stand-in"
LIFETIME_S = 3600


def sign_identity_token(claims: Json, now: datetime) -> str:
    """Return a signed token of these claims that lasts an hour."""
    from google.auth import crypt
    from google.auth import jwt as google_jwt

    jwt: Any = google_jwt
    issued = int(now.timestamp())
    private, _ = _key()
    signer: Any = crypt.RSASigner.from_string(private, KEY_ID)  # type: ignore[no-untyped-call]
    token: bytes = jwt.encode(signer, {"iss": ISSUER, "iat": issued, "exp": issued + LIFETIME_S, **claims})
    return token.decode()


def certificates() -> Json:
    """Return what Google serves at https://www.googleapis.com/oauth2/v1/certs: key id → certificate."""
    return {KEY_ID: _key()[1]}


def make_key(name: str) -> tuple[str, str]:
    """Return a new private key and its certificate, both as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime(2020, 1, 1)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
        .not_valid_before(begin).not_valid_after(begin + timedelta(days=36500)).sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


@cache
def _key() -> tuple[str, str]:
    return make_key(KEY_ID)
