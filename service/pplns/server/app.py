"""`handle`: the one function that answers every request, whichever server calls it.

Here stands the border of the service. Errors of ours become answers; any other is logged under a reference, and only
the reference is answered."""

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pplns.engine.events import Observer, ignore
from pplns.errors import ConfigError, PplnsError, StopSignal
from pplns.logs.places import trace_of, traced
from pplns.model.ids import new_token
from pplns.server.access import check_access, read_head, read_on, read_request
from pplns.server.answers import Answer, Draining, answer_error, answer_internal
from pplns.server.health import show_health, without_details
from pplns.server.process import PROCESS, Process, Served
from pplns.server.queries import Query, read_page, read_query
from pplns.server.routes import Route, find_route
from pplns.server.stream import MEDIA_TYPE, Streamed, encode, stream

if TYPE_CHECKING:
    from werkzeug.wrappers import Request as WebRequest
    from werkzeug.wrappers import Response

_log = logging.getLogger("pplns.server")


def handle(request: "WebRequest") -> "Response":
    """Answer a request."""
    return respond(request, PROCESS)


def respond(web: "WebRequest", process: Process) -> "Response":
    """Answer a request to a process."""
    from werkzeug.wrappers import Response

    process.begin_request()
    with traced(trace_of({name.lower(): value for name, value in web.headers.items()})):
        found = _guarded(lambda: _answer(web, process))
    if isinstance(found, Streamed):
        response = Response(found.lines, found.status, found.headers, mimetype=MEDIA_TYPE)
        response.call_on_close(found.wait)
    else:
        text = b"" if found.body is None else encode(found.body)
        response = Response(text, found.status, found.headers, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    software = str(web.environ.get("SERVER_SOFTWARE", ""))
    response.call_on_close(lambda: process.end_if_stuck(software=software))
    response.call_on_close(process.end_request)
    return response


def _guarded(work: Callable[[], Answer | Streamed]) -> Answer | Streamed:
    """Return what some work answers, whatever it raises."""
    try:
        return work()
    except PplnsError as error:
        return answer_error(error)
    except StopSignal:
        return answer_error(Draining())
    except KeyboardInterrupt:
        raise
    except BaseException:  # who waits for the answer waits for ever where there is none
        reference = new_token()
        _log.exception("A request failed inside pplns. Reference: %s", reference)
        return answer_internal(reference)


def _answer(web: "WebRequest", process: Process) -> Answer | Streamed:
    route = _find_route(web, process)
    if route.action == "options":
        return Answer(204, headers={"Allow": ", ".join(route.allowed)})
    if route.action == "health":
        return _health(web, process)
    check_access(read_head(web), process.settings())
    try:
        return _answer_caller(web, process, route)
    finally:
        read_on(web)


def _find_route(web: "WebRequest", process: Process) -> Route:
    try:
        return find_route(web.method, web.path)
    except PplnsError:
        with contextlib.suppress(PplnsError):  # whoever may not call isn't waited for
            check_access(read_head(web), process.settings())
            read_on(web)
        raise


def _answer_caller(web: "WebRequest", process: Process, route: Route) -> Answer | Streamed:
    """Answer a caller who may call."""
    query = list(web.args.items(multi=True))
    served = process.served()
    if route.action in _VIEWS:
        return _VIEWS[route.action](served, route, query)
    if route.action == "missed":
        return _compare_schedules(web, served, query)
    return _act(web, process, route, query)


def _health(web: "WebRequest", process: Process) -> Answer:
    """Tell anybody whether the service is up, and what it serves, or why it doesn't, to who may call it."""
    answer = show_health(process)
    try:
        check_access(read_head(web), process.settings())
    except ConfigError:  # that is the answer
        return answer
    except PplnsError:
        return without_details(answer)
    return answer


def _act(web: "WebRequest", process: Process, route: Route, query: Query) -> Answer | Streamed:
    """Start, resume or cancel a run."""
    from pplns.server import runs  # the engine, which /health does without

    served = process.served()
    named = read_query(query, known=("pipeline",) if web.path == "/" else ()).get("pipeline", route.pipeline)
    place = runs.Place(process, served, served.only_pipeline() if named is None else served.pipeline(named))
    request, run_id = read_request(web), route.run_id or ""
    if route.action == "cancel":
        return runs.cancel(place, run_id, request)

    def work(observer: Observer) -> Answer:
        if route.action == "resume":
            return runs.resume(place, run_id, request, observer)
        return runs.start(place, request, observer)

    def guarded(observer: Observer) -> Answer:
        found = _guarded(lambda: work(observer))
        process.drain_if_stuck()
        assert isinstance(found, Answer)
        return found

    return stream(guarded) if _wants_lines(web) else guarded(ignore)


def _compare_schedules(web: "WebRequest", served: Served, query: Query) -> Answer:
    from pplns.server.missed import answer_missed  # which brings cron lines: nobody else pays for them

    read_query(query, known=())
    return answer_missed(served, read_request(web))


def _wants_lines(web: "WebRequest") -> bool:
    return any(kind == MEDIA_TYPE and quality > 0 for kind, quality in web.accept_mimetypes)


def _show_openapi(served: Served, route: Route, query: Query) -> Answer:
    from pplns.server.openapi import describe

    read_query(query, known=())
    return Answer(200, describe(served))


def _show_pipelines(served: Served, route: Route, query: Query) -> Answer:
    from pplns.server import reading

    read_query(query, known=())
    return reading.show_pipelines(served)


def _show_pipeline(served: Served, route: Route, query: Query) -> Answer:
    from pplns.server import reading

    read_query(query, known=())
    return reading.show_pipeline(served, str(route.pipeline))


def _show_runs(served: Served, route: Route, query: Query) -> Answer:
    from pplns.server import reading

    return reading.show_runs(served, str(route.pipeline), read_page(query))


def _show_run(served: Served, route: Route, query: Query) -> Answer:
    from pplns.server import reading

    read_query(query, known=())
    return reading.show_run(served, str(route.pipeline), str(route.run_id))


_VIEWS: Mapping[str, Callable[[Served, Route, Query], Answer]] = {
    "openapi": _show_openapi,
    "pipelines": _show_pipelines,
    "pipeline": _show_pipeline,
    "runs": _show_runs,
    "run": _show_run,
}
