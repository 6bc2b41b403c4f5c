"""Requests to one registry, sent again while that may help.

429, server errors and broken connections are waited out, with full jitter and no sooner than `Retry-After` says. A
challenge is answered once. All else that isn't a success is refused with the registry's own words."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pplns.errors import RegistryError
from pplns.stores.gcs.patience import Patience, Tries
from pplns_deploy.image.references import Reference
from pplns_deploy.image.registry.credentials import Credentials
from pplns_deploy.image.registry.tokens import Header, Tokens

if TYPE_CHECKING:
    import requests

PATIENCE = Patience(seconds=120.0, answer_s=60.0)
FIRST_CONTACT_SECONDS = 15.0  # for a name that is mistyped, or a registry that isn't up
CONNECTIONS = 8
TRUSTED = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")  # variables that name authorities, as elsewhere
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


class BrokenConnection(Exception):
    """No answer came, or not all of it; the same request may be answered later."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request; `what` says it in messages, `accepted` are statuses beside 2xx that the caller understands.

    `url` begins at the registry's root (`/v2/…`), or is whole. `body` is bytes, or has `read` and a length."""

    what: str
    method: str
    url: str
    scopes: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = None
    accepted: tuple[int, ...] = ()
    is_streamed: bool = False


class Registry:
    """One registry, for any number of threads."""

    def __init__(
        self, reference: Reference, *, environ: Mapping[str, str], patience: Patience = PATIENCE,
        credentials: Credentials | None = None,
    ) -> None:  # fmt: skip
        self.host = reference.api_host
        self.patience = patience
        self._schemes = ["http"] if reference.is_plain else ["https", "http"] if reference.is_local else ["https"]
        self._session = _open_session()
        self._trusted = next((environ[name] for name in TRUSTED if environ.get(name)), True)
        self._tokens = Tokens(
            self.host, credentials or Credentials(environ), partial(self._session.request, verify=self._trusted)
        )
        self._root: str | None = None
        self._has_answered = False
        self._first_contact_s = min(FIRST_CONTACT_SECONDS, patience.seconds)
        self._guard = threading.Lock()

    def call(self, call: Call) -> "requests.Response":
        """Send a request until it is answered.

        Raises: RegistryError when the time is up, or for an answer that the call doesn't accept."""
        tries = Tries(self.patience if self._has_answered else replace(self.patience, seconds=self._first_contact_s))
        while True:
            try:
                answer = self.send(call, tries)
            except BrokenConnection as error:
                self.pause(call, tries, str(error))
                continue
            if answer.status_code not in TRANSIENT:
                return self.check(call, answer)
            self.pause(call, tries, _words(answer), after_s=_retry_after(answer))

    def send(self, call: Call, tries: Tries) -> "requests.Response":
        """Send a request once, and once more where the registry asks who we are.

        Raises: BrokenConnection; RegistryError where the registry refuses us."""
        known = self._tokens.known(call.scopes)
        answer = self._exchange(call, known, tries)
        challenge = answer.headers.get("WWW-Authenticate")
        if answer.status_code != 401 or challenge is None:
            return answer
        answer.close()
        header = self._answer_challenge(challenge, call, known)
        if hasattr(call.body, "rewind"):
            call.body.rewind()
        return self._exchange(call, header, tries)

    def pause(self, call: Call, tries: Tries, last: str, *, after_s: float = 0.0) -> None:
        """Wait before the next try.

        Raises: RegistryError when the time of the call is up."""
        if not tries.wait(after_s):
            raise RegistryError(
                f"{self.host} didn't {call.what} in time; last: {last}.",
                "A registry that is up answers, at the latest after some tries.",
                "Try again: what has moved already doesn't move twice. Or correct the registry's name.",
            )

    def check(self, call: Call, answer: "requests.Response") -> "requests.Response":
        """Return an answer that the call accepts.

        Raises: RegistryError for another one."""
        if answer.status_code < 300 or answer.status_code in call.accepted:  # what moves on has done nothing
            return answer
        hint = "Check the name of the repository, and that your account may push to it and pull from it."
        raise RegistryError(f"{self.host} refused to {call.what}: {_words(answer)}.", "", hint)

    def absolute(self, location: str) -> str:
        """Return an address that the registry gave, whole."""
        return urljoin(self._find_root(), location)

    def _exchange(self, call: Call, header: str | None, tries: Tries) -> "requests.Response":
        import requests

        url = self.absolute(call.url)
        is_ours = urlsplit(url).netloc == urlsplit(self._find_root()).netloc  # an upload may go to another host
        auth = Header(header if is_ours else None)
        try:
            answer = self._session.request(
                call.method, url, params=dict(call.params), headers=dict(call.headers),
                data=call.body, auth=auth, timeout=tries.timeout_s, stream=call.is_streamed,
                verify=self._trusted, allow_redirects=call.method in ("GET", "HEAD"),
            )  # fmt: skip
        except requests.exceptions.SSLError as error:
            raise _untrusted(self.host, error) from error
        except (requests.RequestException, OSError) as error:
            raise BrokenConnection(_reason(error)) from error
        self._has_answered = True
        return answer

    def _answer_challenge(self, challenge: str, call: Call, refused: str | None) -> str:
        """Return the header that answers a challenge; a token service may be busy or away as a registry may."""
        import requests

        try:
            return self._tokens.answer(challenge, call.scopes, refused=refused)
        except requests.exceptions.SSLError as error:
            raise _untrusted(f"the token service of {self.host}", error) from error
        except requests.RequestException as error:
            raise BrokenConnection(f"its token service: {_reason(error)}") from error

    def _find_root(self) -> str:
        """Return the root of the API: with TLS, but on this machine also without, as docker does it."""
        with self._guard:
            if self._root is None:
                self._root = self._try_schemes()
            return self._root

    def _try_schemes(self) -> str:
        import requests

        *early, last = self._schemes
        for scheme in early:
            try:
                self._session.get(
                    f"{scheme}://{self.host}/v2/",
                    timeout=self.patience.answer_s,
                    auth=Header(None),
                    verify=self._trusted,
                )
            except requests.exceptions.SSLError as error:
                if "CERTIFICATE_VERIFY_FAILED" in str(error):
                    raise _untrusted(self.host, error) from error
            except requests.RequestException:
                continue
            else:
                return f"{scheme}://{self.host}"
        return f"{last}://{self.host}"


def _open_session() -> "requests.Session":
    import requests
    from requests.adapters import HTTPAdapter

    import pplns

    session = requests.Session()
    session.headers["User-Agent"] = f"pplns/{pplns.__version__}"
    session.mount("https://", HTTPAdapter(pool_maxsize=CONNECTIONS))
    session.mount("http://", HTTPAdapter(pool_maxsize=CONNECTIONS))
    return session


def _words(answer: "requests.Response") -> str:
    """Return what a registry said: its errors where it lists them, as the specification has it."""
    try:
        errors: list[dict[str, Any]] = answer.json()["errors"]
        said = "; ".join(f"{one.get('code')} {one.get('message') or ''}".strip() for one in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        said = answer.text.strip()[:200]
    return f"{answer.status_code} {said or answer.reason}"


def _reason(error: Exception) -> str:
    """Return why there was no answer; requests wraps the reason into errors of its own."""
    wrapped = error.args[0] if error.args else None
    reason: object = getattr(wrapped, "reason", None) or error
    return f"{type(reason).__name__}: {reason}"


def _retry_after(answer: "requests.Response") -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _untrusted(host: str, error: Exception) -> RegistryError:
    return RegistryError(
        f"The certificate of {host} isn't trusted: {error}.",
        "A registry's certificate is signed by an authority that this machine trusts.",
        "For an authority of your own: REQUESTS_CA_BUNDLE=/path/to/ca.pem pplns package …",
    )
