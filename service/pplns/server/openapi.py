"""`/openapi.json`: the service described by OpenAPI 3.1, from the table of routes and what each pipeline takes.

Each pipeline has its own paths, so that its parameters have their own schema."""

from collections.abc import Mapping
from typing import Any

from pplns._version import __version__
from pplns.model.run import RUN_STATES, STEP_STATES, TRIGGER_KINDS
from pplns.server.descriptions import split_usable
from pplns.server.process import Served
from pplns.server.queries import DEFAULT_LIMIT, MOST_RUNS
from pplns.server.routes import TABLE
from pplns.server.schemas import Schema, schema_of_params
from pplns.server.stream import MEDIA_TYPE
from pplns.steps import Pipeline

JSON = "application/json"
ANY: Schema = {}
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
OBJECT: Schema = {"type": "object"}

SUMMARIES: Mapping[str, str] = {
    "start": "Run the pipeline to the end, or as far as the request's time allows",
    "health": "Tell whether this instance takes requests",
    "openapi": "Describe this service",
    "missed": "Compare schedules with runs since the last time, and log each run that is missing",
    "pipelines": "List the pipelines",
    "pipeline": "Show the pipeline with its steps",
    "runs": "List runs, newest first",
    "run": "Show a run",
    "resume": "Go on with a run, whatever it ended in",
    "cancel": "Cancel a run",
}
STATUSES: Mapping[str, tuple[int, ...]] = {
    "start": (200, 202, 400, 404, 409, 413, 422, 429, 500, 501, 503),
    "health": (200, 503),
    "openapi": (200, 400, 500),
    "missed": (200, 400, 413, 500, 503),
    "pipelines": (200, 400, 500),
    "pipeline": (200, 400, 500),
    "runs": (200, 400, 500, 503),
    "run": (200, 400, 404, 500, 503),
    "resume": (200, 202, 400, 404, 409, 422, 429, 500, 503),
    "cancel": (200, 202, 400, 404, 500, 503),
}
MEANINGS: Mapping[int, str] = {
    200: "Done; a run succeeded or was cancelled, now or before",
    202: "Goes on elsewhere or later: see `Location`",
    400: "The body, a parameter or the query can't be used, or a key came again with other parameters",
    401: "No token that says who calls",
    403: "The caller may not call",
    404: "No such pipeline or run",
    409: "Another holder works on the run",
    413: "The body or the parameters are too large",
    422: "The run failed for good",
    429: "As many runs as the pipeline allows are under way",
    500: "The run failed, and a later attempt may help; or a pipeline file is broken",
    501: "The pipeline has no topic to answer before the run",
    503: "This instance ends, or the store can't be reached: what is done is kept",
}
RECORDS = ("start", "run", "resume", "cancel")
FAILED_WITH_RECORD = (422, 500, 503)


def describe(served: Served) -> dict[str, Any]:
    """Return the description of the service; pipelines whose parameters can't be used are left out."""
    guarded = served.settings.audience is not None
    usable, _ = split_usable(served.found)
    paths: dict[str, Any] = {}
    for pattern, actions in TABLE.items():
        for pipeline in usable if "{pipeline}" in pattern else (None,):
            path = pattern if pipeline is None else pattern.replace("{pipeline}", pipeline.name)
            paths[path] = {
                method.lower(): _operation(action, path, pipeline, served, guarded=guarded)
                for method, action in actions.items()
            }
    components: dict[str, Any] = {"schemas": _SCHEMAS}
    if guarded:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "OIDC"}}
    info = {"title": "pplns", "version": __version__, "description": "Pipelines, run by HTTP requests."}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": components}


def _operation(
    action: str, path: str, pipeline: Pipeline[..., Any] | None, served: Served, *, guarded: bool
) -> dict[str, Any]:
    is_open = action == "health"
    statuses = [*STATUSES[action], *(() if is_open or not guarded else (401, 403))]
    operation: dict[str, Any] = {
        "operationId": action if pipeline is None else f"{action}-{pipeline.name}",
        "summary": SUMMARIES[action],
        "parameters": _inputs(action, path, served),
        "responses": {str(status): _response(action, status) for status in sorted(statuses)},
    }
    if action == "missed":
        paused: Schema = {
            "type": "object",
            "properties": {"paused": {"type": "boolean"}},
            "additionalProperties": False,
        }
        operation["requestBody"] = {"required": False, "content": {JSON: {"schema": paused}}}
    if action == "start":
        params = OBJECT if pipeline is None else schema_of_params(pipeline)
        body: Schema = {"type": "object", "properties": {"params": params}, "additionalProperties": False}
        operation["requestBody"] = {"required": _needs_params(params), "content": {JSON: {"schema": body}}}
    if guarded and not is_open:
        operation["security"] = [{"token": []}]
    return operation


def _needs_params(params: Schema) -> bool:
    return bool(params.get("required"))


def _inputs(action: str, path: str, served: Served) -> list[dict[str, Any]]:
    inputs: list[dict[str, Any]] = []
    if "{run_id}" in path:
        inputs.append({"name": "run_id", "in": "path", "required": True, "schema": TEXT})
    if action == "start":
        inputs += [
            {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "minLength": 1, "maxLength": 255}},
            {"name": "Prefer", "in": "header", "schema": {"enum": ["respond-async"]}},
        ]
        if path == "/":
            names = {"enum": list(served.found.pipelines)}
            inputs.append({"name": "pipeline", "in": "query", "schema": names})
    if action == "runs":
        limit = {"type": "integer", "minimum": 1, "maximum": MOST_RUNS, "default": DEFAULT_LIMIT}
        inputs += [
            {"name": "state", "in": "query", "schema": {"enum": list(RUN_STATES)}},
            {"name": "limit", "in": "query", "schema": limit},
            {"name": "before", "in": "query", "schema": TEXT, "description": "A run id: the next page."},
        ]
    return inputs


def _response(action: str, status: int) -> dict[str, Any]:
    schema = _schema_of_answer(action, status)
    content: dict[str, Any] = {JSON: {"schema": schema}}
    if action in ("start", "resume") and status == 200:
        content[MEDIA_TYPE] = {"schema": {"description": "One event a line, the run's record last."}}
    response: dict[str, Any] = {"description": MEANINGS[status], "content": content}
    headers: dict[int, str] = {202: "Location", 409: "Retry-After", 429: "Retry-After", 503: "Retry-After"}
    if status in headers:
        response["headers"] = {headers[status]: {"schema": TEXT}}
    return response


def _schema_of_answer(action: str, status: int) -> Schema:
    error: Schema = {"$ref": "#/components/schemas/Error"}
    if action not in RECORDS:
        return {"type": "object"} if status == 200 else error
    record: Schema = {"$ref": "#/components/schemas/Run"}
    if status in FAILED_WITH_RECORD:
        return {"anyOf": [record, error]}
    return record if status < 300 else error


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


_TIME: Schema = {"type": "string", "format": "date-time"}
_ERROR_INFO = _object(code=TEXT, message=TEXT, hint=TEXT)
_STEP = _object(
    step=TEXT, state={"enum": list(STEP_STATES)}, attempts=COUNT, duration_s=_or_null({"type": "number"}),
    rows=_or_null(COUNT), bytes=_or_null(COUNT), artifact=_or_null(TEXT), reused={"type": "boolean"},
    error=_or_null({"$ref": "#/components/schemas/ErrorInfo"}), version=_or_null(TEXT),
)  # fmt: skip
_TRIGGER = _object(kind={"enum": list(TRIGGER_KINDS)}, key=TEXT, name=_or_null(TEXT), timezone=TEXT, details=OBJECT)
_RUN = _object(
    run_id=TEXT, pipeline=TEXT, state={"enum": list(RUN_STATES)}, final={"type": "boolean"}, params=OBJECT,
    trigger=_TRIGGER, logical_date=_TIME, attempt=COUNT, created_at=_TIME, started_at=_or_null(_TIME),
    finished_at=_or_null(_TIME), steps={"type": "array", "items": {"$ref": "#/components/schemas/Step"}}, result=ANY,
    error=_or_null({"$ref": "#/components/schemas/ErrorInfo"}),
)  # fmt: skip
_SCHEMAS: Mapping[str, Schema] = {
    "ErrorInfo": _ERROR_INFO,
    "Error": _object(error={"$ref": "#/components/schemas/ErrorInfo"}),
    "Step": _STEP,
    "Run": _RUN,
}
