"""Cloud Run's front door: requests to the addresses of services, told apart by the header Host.

A caller has to show an identity token of Google's for one of the service's addresses or audiences, of a member that may
invoke it; then a revision is found by its tag or by the traffic. What a revision answers is on order (`answers`), by
default 200: nothing runs here, unless an order names where it does.
Sources: https://cloud.google.com/run/docs/authenticating/service-to-service,
https://cloud.google.com/run/docs/troubleshooting#unauthorized-client"""

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, cast
from urllib.parse import urlsplit

from pplns_deploy.emulator.apis.identity_tokens import certificates
from pplns_deploy.emulator.apis.revisions import REVISIONS
from pplns_deploy.emulator.calls import Raw
from pplns_deploy.emulator.cloud import Cloud
from pplns_deploy.emulator.policies import may
from pplns_deploy.emulator.refusals import invalid
from pplns_deploy.emulator.roles import grants

Json = dict[str, Any]
SERVICES = "run.services"
HOSTS = ".run.app"
TAG_END = "---"
INVOKE = "run.routes.invoke"
ORDER_FIELDS = frozenset({"service", "image", "path", "status", "body", "url"})
PASS_SECONDS = 3600
_KEPT = frozenset({"connection", "content-length", "transfer-encoding", "date", "server"})


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to a service's address."""

    http: str
    path: str
    query: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    data: bytes = b""

    @property
    def host(self) -> str:
        """Return the address that is asked for, without a port."""
        return self.headers.get("host", "").partition(":")[0].lower()

    @property
    def token(self) -> str | None:
        """Return the caller's token; the first of the two headers goes before the second."""
        given = self.headers.get("x-serverless-authorization") or self.headers.get("authorization", "")
        kind, _, token = given.partition(" ")
        return token.strip() if kind.lower() == "bearer" and token.strip() else None


def is_visit(headers: Mapping[str, str]) -> bool:
    """Tell whether a request is for a service and not for an API."""
    return headers.get("host", "").partition(":")[0].lower().endswith(HOSTS)


def order_answer(cloud: Cloud, order: Json) -> Json:
    """Keep an order by which the revisions of some images or services answer; a later one goes before an earlier.

    Raises: Refusal for one that can't be understood."""
    if unknown := sorted(set(order) - ORDER_FIELDS):
        raise invalid(f"An order for answers has no {unknown}.")
    kept = {"service": "*", "image": "*", "path": "*", "status": 200, "body": "", "url": None} | order
    cloud.answers.insert(0, kept)
    return kept


def receive(cloud: Cloud, visit: Visit) -> Raw:
    """Answer a request to a service."""
    with cloud.lock:
        found = _service(cloud, visit.host)
        if found is None or found[0]["ingress"] != "INGRESS_TRAFFIC_ALL":
            return _refused(404, "The requested URL was not found on this server.")
        service, tag = found
        if (refusal := _admit(cloud, service, visit)) is not None:
            return refusal
        revision = _revision(service, tag)
        if revision is None:
            return _refused(503, "Service Unavailable")
        names = {"service": service["name"], "revision": revision, "path": visit.path}
        cloud.requests.append({"method": "run.invoke", "names": names, "caller": _caller(service, visit)})
        order = _order(cloud, service, revision, visit.path)
    return _passed_on(visit, order["url"]) if order.get("url") else _answer(order)


def _service(cloud: Cloud, host: str) -> tuple[Json, str] | None:
    """Return the service of an address, and the tag in it."""
    tag, found, rest = host.partition(TAG_END)
    address, name = (rest, tag) if found else (host, "")
    for row in cloud.table(SERVICES).rows.values():
        if address in {urlsplit(str(url)).netloc for url in row["urls"]}:
            return row, name
    return None


def _admit(cloud: Cloud, service: Json, visit: Visit) -> Raw | None:
    """Return how a caller is refused, or None."""
    if _is_open(cloud, service["name"]):
        return None
    if visit.token is None:
        return _refused(403, "Your client does not have permission to get this URL from this server.")
    member = _member(service, visit.token)
    if member is None:
        return _refused(401, "Your client does not have permission to the requested URL.")
    if not may(cloud, member, INVOKE, service["name"]):
        return _refused(403, "Your client does not have permission to get this URL from this server.")
    return None


def _caller(service: Json, visit: Visit) -> str:
    return (_member(service, visit.token) if visit.token else None) or "allUsers"


def _is_open(cloud: Cloud, name: str) -> bool:
    """Tell whether everybody may invoke a service."""
    bindings: list[Json] = cloud.policies.get(name, {}).get("bindings", [])
    return any(grants(one["role"], INVOKE) and "allUsers" in one["members"] for one in bindings)


def _member(service: Json, token: str) -> str | None:
    """Return whose identity token this is, or None where it isn't one for this service."""
    from google.auth import exceptions, jwt

    audiences = [*service["urls"], *service.get("customAudiences", [])]
    google_jwt: Any = jwt
    try:
        claims: Json = google_jwt.decode(token, certs=certificates(), audience=audiences)
    except (ValueError, cast(type[Exception], exceptions.GoogleAuthError)):
        return None
    return f"serviceAccount:{claims['email']}" if claims.get("email_verified") else None


def _revision(service: Json, tag: str) -> str | None:
    """Return the revision that a tag names, or else the one with most of the traffic."""
    statuses = service["trafficStatuses"]
    if tag:
        known = [one for one in statuses if one.get("tag") == tag]
    else:
        known = sorted(statuses, key=lambda one: -int(one.get("percent") or 0))
    return known[0].get("revision") if known else None


def _order(cloud: Cloud, service: Json, revision: str, path: str) -> Json:
    row = cloud.table(REVISIONS).read(f"{service['name']}/revisions/{revision}")
    image, name = row["containers"][0]["image"], service["name"].rpartition("/")[2]
    for order in cloud.answers:
        pairs = ((name, order["service"]), (image, order["image"]), (path, order["path"]))
        if all(fnmatchcase(value, pattern) for value, pattern in pairs):
            return order
    return {"status": 200, "body": '{"status": "ok"}'}


def _answer(order: Json) -> Raw:
    return Raw(str(order["body"]).encode(), "application/json", int(order["status"]))


def _passed_on(visit: Visit, url: str) -> Raw:
    """Pass a request on to a process of this machine, and return what it answers."""
    target = f"{url.rstrip('/')}{visit.path}" + (f"?{visit.query}" if visit.query else "")
    headers = {name: value for name, value in visit.headers.items() if name not in _KEPT}
    request = urllib.request.Request(target, visit.data or None, headers, method=visit.http)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PASS_SECONDS) as answered:
            return _raw(answered.status, answered)
    except urllib.error.HTTPError as error:
        with error:
            return _raw(error.code, error)
    except OSError:
        return _refused(503, "The container gave no answer.")


def _raw(status: int, answered: Any) -> Raw:
    named = {name: value for name, value in answered.headers.items() if name.lower() not in _KEPT}
    kind = named.pop("Content-Type", "application/octet-stream")
    return Raw(answered.read(), kind, status, named)


def _refused(status: int, text: str) -> Raw:
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'} if status == 401 else {}
    page = f"<html><head><title>{status}</title></head><body><h1>Error</h1><p>{text}</p></body></html>"
    return Raw(page.encode(), "text/html; charset=UTF-8", status, headers)
