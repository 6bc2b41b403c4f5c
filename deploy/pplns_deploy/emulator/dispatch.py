"""From a request to an answer: which API and method, who calls, is it allowed and well formed, what is on order.

One port serves all APIs, each under the first word of its Google host: `/run/v2/…`, `/storage/v1/…`. What no API has is
404, what an API has but the stand-in lacks is 501 with the method's name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs, unquote

from pplns_deploy.emulator import front, signing_in
from pplns_deploy.emulator.apis import (
    Handlers,
    account_keys,
    accounts,
    bigquery,
    logging,
    monitoring,
    objects,
    projects,
    pubsub,
    registry,
    run,
    scheduler,
    secrets,
    storage,
)
from pplns_deploy.emulator.apis.identity_tokens import certificates
from pplns_deploy.emulator.calls import Answer, Call, Raw
from pplns_deploy.emulator.cloud import Cloud, project_number, project_of
from pplns_deploy.emulator.discovery import Document, Method, read_document
from pplns_deploy.emulator.exceptions import EXTRA_QUERY
from pplns_deploy.emulator.faults import refuse
from pplns_deploy.emulator.policies import require
from pplns_deploy.emulator.refusals import Refusal, invalid
from pplns_deploy.emulator.roles import required_permission
from pplns_deploy.emulator.schemas import check_body, check_query
from pplns_deploy.emulator.uploads import parse_upload

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: the path is still encoded."""

    http: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    data: bytes = b""
    base_url: str = ""


APIS: dict[tuple[str, str], tuple[str, Handlers]] = {
    ("run", "v2"): ("run.v2", run.METHODS),
    ("cloudscheduler", "v1"): ("cloudscheduler.v1", scheduler.METHODS),
    ("pubsub", "v1"): ("pubsub.v1", pubsub.METHODS),
    ("storage", "v1"): ("storage.v1", storage.METHODS | objects.METHODS),
    ("iam", "v1"): ("iam.v1", accounts.METHODS | account_keys.METHODS),
    ("iamcredentials", "v1"): ("iamcredentials.v1", accounts.METHODS),
    ("cloudresourcemanager", "v1"): ("cloudresourcemanager.v1", projects.METHODS),
    ("cloudresourcemanager", "v3"): ("cloudresourcemanager.v3", projects.METHODS_V3),
    ("bigquery", "v2"): ("bigquery.v2", bigquery.METHODS),
    ("cloudbilling", "v1"): ("cloudbilling.v1", projects.METHODS),
    ("serviceusage", "v1"): ("serviceusage.v1", projects.METHODS),
    ("artifactregistry", "v1"): ("artifactregistry.v1", registry.METHODS),
    ("secretmanager", "v1"): ("secretmanager.v1", secrets.METHODS),
    ("logging", "v2"): ("logging.v2", logging.METHODS),
    ("monitoring", "v1"): ("monitoring.v1", monitoring.METHODS),
    ("monitoring", "v3"): ("monitoring.v3", monitoring.METHODS),
}
ALWAYS_ON = frozenset({"serviceusage", "cloudresourcemanager", "iamcredentials", "storage"})


def answer(cloud: Cloud, request: Request) -> Answer:
    """Answer a request.

    Raises: Refusal for everything that Google would refuse, and what is on order."""
    if front.is_visit(request.headers):
        visit = front.Visit(request.http, request.path, request.query, request.headers, request.data)
        return front.receive(cloud, visit)
    token, path = _identity(request)
    if (signed_in := _sign_in(cloud, request, path)) is not None:
        return signed_in
    if path == "oauth2/v1/certs":
        return certificates()
    if path in ("oauth2/v1/userinfo", "userinfo"):
        return {"email": _caller(cloud, token).partition(":")[2]}
    with cloud.lock:
        return _answer(cloud, request, path, token)


def _sign_in(cloud: Cloud, request: Request, path: str) -> Answer | None:
    """Return the answer where credentials become tokens, or None where an API is asked."""
    with cloud.lock:
        if path in (signing_in.OAUTH, signing_in.STS):
            answers = signing_in.grant if path == signing_in.OAUTH else signing_in.exchange
            return answers(cloud, request.data.decode(errors="replace"))
        if path.startswith(signing_in.METADATA) or (not path and "metadata-flavor" in request.headers):
            asked = path.removeprefix(signing_in.METADATA)
            return signing_in.metadata(cloud, asked, request.query, request.headers)
    return None


def _answer(cloud: Cloud, request: Request, path: str, token: str | None) -> Answer:
    is_upload = path.startswith("upload/")
    plain = path.removeprefix("resumable/").removeprefix("upload/").removeprefix("download/")
    query = parse_qs(request.query, keep_blank_values=True)
    if is_upload and "upload_id" in query:
        ranged = request.headers.get("content-range", "")
        return objects.go_on(cloud, query["upload_id"][0], data=request.data, content_range=ranged)
    found = _method(request.http, plain)
    if found is None:
        return _xml(cloud, request, path, _caller(cloud, token))
    document, method, names, handlers = found
    call = _call(cloud, request, document, method, names, query, _caller(cloud, token), is_upload=is_upload)
    _admit(cloud, call, path.split("/", maxsplit=1)[0])
    handler = handlers.get(method.id)
    if handler is None:
        raise Refusal("UNIMPLEMENTED", f"The stand-in doesn't have the method {method.id}.")
    cloud.requests.append({"method": method.id, "names": dict(call.names), "caller": call.caller})
    given = handler(cloud, call)
    return _session(request, call) if call.upload_id else given


def _identity(request: Request) -> tuple[str | None, str]:
    """Return the token and the path without it: a token may be in the path, for clients that send none to emulators."""
    path = request.path.lstrip("/")
    header = request.headers.get("authorization", "")
    if path.startswith("_as/"):
        _, token, rest = [*path.split("/", 2), ""][:3]
        return unquote(token), rest
    return header.removeprefix("Bearer ").strip() or None, path


def _caller(cloud: Cloud, token: str | None) -> str:
    if token is None:
        raise Refusal("UNAUTHENTICATED", "Request is missing required authentication credential.")
    found = cloud.callers.get(token) or signing_in.caller_of_signed(cloud, token)
    if found is None:
        raise Refusal("UNAUTHENTICATED", "Request had invalid authentication credentials.")
    return found


def _method(http: str, path: str) -> tuple[Document, Method, dict[str, str], Handlers] | None:
    api, _, rest = path.partition("/")
    version, _, inner = rest.partition("/")
    if (api, version) not in APIS:
        return None
    name, handlers = APIS[api, version]
    document = read_document(name)
    found = document.find(http, inner if document.is_based else rest)
    if found is None:
        raise Refusal("NOT_FOUND", f"The API {name} has no method {http} /{rest}.")
    return document, found[0], found[1], handlers


def _call(
    cloud: Cloud, request: Request, document: Document, method: Method, names: Mapping[str, str],
    query: dict[str, list[str]], caller: str, *, is_upload: bool,
) -> Call:  # fmt: skip
    headers = dict(request.headers) | {"x-alt": query.get("alt", [""])[-1]}
    kind = query.pop("uploadType", [""])[-1] if is_upload else ""
    body, media = _bodies(request, method, kind)
    if isinstance(body, dict):
        body = {name: query[name][-1] for name in EXTRA_QUERY.get(method.id, ()) if name in query} | cast(Json, body)
    checked = (
        check_body(document, method.request, body, keeps_nulls=document.api == "storage.v1") if method.request else {}
    )
    upload_id = f"upload-{cloud.number():08d}" if kind == "resumable" else ""
    return Call(
        document, method, {name: _by_id(cloud, value) for name, value in names.items()},
        check_query(document, method, query), checked, caller, request.base_url, headers, media, is_upload, upload_id,
    )  # fmt: skip


def _bodies(request: Request, method: Method, upload: str) -> tuple[object, bytes]:
    """Return the JSON and the bytes of a request."""
    if upload:
        return parse_upload(upload, request.headers.get("content-type", ""), request.data)
    if not request.data.strip():
        return {}, b""
    if method.request is None:
        return {}, b""
    try:
        return json.loads(request.data), b""
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received. {error}") from None


def _by_id(cloud: Cloud, name: str) -> str:
    """Return a name with its project's id, where it has the number of one that is known."""
    project = project_of(name)
    if not project.isdigit():
        if project not in ("", "-", "_"):
            cloud.rows.setdefault("projects", {})[project] = {"number": project_number(project)}
        return name
    for known, row in cloud.rows.get("projects", {}).items():
        if row["number"] == project:
            return name.replace(f"projects/{project}", f"projects/{known}", 1)
    return name


def _admit(cloud: Cloud, call: Call, api: str) -> None:
    """Refuse what is on order, an API that isn't enabled, and a caller without the permission."""
    permission, resource = required_permission(call.method.id), _resource(cloud, call)
    refuse(cloud, call.method.id, permission, resource)
    project = project_of(resource)
    if cloud.enforces_services and project and api not in ALWAYS_ON:
        _require_service(cloud, project, f"{api}.googleapis.com")
    if (
        not call.method.id.startswith("storage.")
        and call.verb != "testIamPermissions"
        and ".operations." not in call.method.id
    ):
        require(cloud, call.caller, permission, resource)


def _resource(cloud: Cloud, call: Call) -> str:
    """Return the resource whose policy decides about a call."""
    for key in ("topic", "subscription", "metricName"):
        if key in call.names:
            return call.names[key]
    if "/serviceAccounts/" in call.name:
        return accounts.full_name(cloud, call.name)
    if call.method.api == "bigquery.v2":
        dataset = call.names.get("datasetId")
        return f"projects/{call.names['projectId']}" + (f"/datasets/{dataset}" if dataset else "")
    if call.method.api.startswith("cloudresourcemanager"):
        return f"projects/{(call.names.get('projectId') or call.name).removeprefix('projects/')}"
    if call.method.id in ("logging.entries.write", "logging.entries.list"):
        entries = [one.get("logName", "") for one in call.body.get("entries", [])]
        logs = [call.body.get("logName", ""), *call.body.get("resourceNames", []), *entries]
        return f"projects/{next((project_of(one) for one in logs if one), '')}"
    return call.name or call.parent


def _require_service(cloud: Cloud, project: str, service: str) -> None:
    """Source: https://cloud.google.com/service-usage/docs/enable-disable"""
    if not projects.is_enabled(cloud, project, service):
        raise Refusal(
            "PERMISSION_DENIED",
            f"{service} API has not been used in project {project} before or it is disabled.",
            details=[{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED",
                      "domain": "googleapis.com", "metadata": {"service": service}}],
        )  # fmt: skip


def _xml(cloud: Cloud, request: Request, path: str, caller: str) -> Answer:
    """Answer what no API has: Cloud Storage's XML API for reading, if the first word is a bucket."""
    bucket, _, name = path.partition("/")
    if request.http not in ("GET", "HEAD") or bucket not in cloud.table(storage.BUCKETS) or not name:
        raise Refusal("NOT_FOUND", f"Nothing is served at /{path}.")
    return objects.read_xml(cloud, caller, bucket, unquote(name), ranged=request.headers.get("range", ""))


def _session(request: Request, call: Call) -> Raw:
    """Return the answer to the beginning of a resumable upload: where its parts go."""
    path = f"upload/storage/v1/b/{call.names['bucket']}/o"
    place = f"{request.base_url}/{path}?{request.query}&upload_id={call.upload_id}"
    return Raw(b"", "application/json", headers={"Location": place, "X-GUploader-UploadID": call.upload_id})
