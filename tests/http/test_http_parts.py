"""The parts of the service that need no server: routes, and the waits that answers ask for."""

from types import SimpleNamespace

import pytest

from pplns.errors import LeaseHeld, NotFoundError, StoreError, TooManyRuns
from pplns.server import container
from pplns.server.answers import answer_error
from pplns.server.container import options_of
from pplns.server.routes import MethodNotAllowed, Route, find_route
from pplns.settings import Settings


@pytest.mark.parametrize(
    ("method", "path", "action", "pipeline", "run_id"),
    [
        ("POST", "/", "start", None, None),
        ("POST", "/pipelines/shop/runs", "start", "shop", None),
        ("GET", "/pipelines/shop/runs", "runs", "shop", None),
        ("HEAD", "/pipelines/shop/runs", "runs", "shop", None),
        ("OPTIONS", "/pipelines/shop/runs", "options", "shop", None),
        ("GET", "/pipelines/shop/runs/january", "run", "shop", "january"),
        ("POST", "/pipelines/shop/runs/january:resume", "resume", "shop", "january"),
        ("POST", "/pipelines/shop/runs/january:cancel", "cancel", "shop", "january"),
    ],
)
def test_a_route_is_found(method: str, path: str, action: str, pipeline: str | None, run_id: str | None):
    """By method and path, with the names in it."""
    found = find_route(method, path)

    assert (found.action, found.pipeline, found.run_id) == (action, pipeline, run_id)
    assert isinstance(found, Route)


@pytest.mark.parametrize(
    "path", ["", "//", "/pipelines//runs", "/pipelines/a/b/runs", "/pipelines/con", "/HEALTH", "/\n"]
)
def test_what_is_no_path_is_not_found(path: str):
    """Names that no pipeline can have included."""
    with pytest.raises(NotFoundError):
        find_route("GET", path)


def test_a_near_path_is_suggested():
    """A typing mistake costs one look."""
    with pytest.raises(NotFoundError) as refused:
        find_route("GET", "/pipeline")

    assert refused.value.hint == "Did you mean /pipelines?"


def test_a_method_is_refused_by_name():
    """The error says which there are."""
    with pytest.raises(MethodNotAllowed) as refused:
        find_route("PATCH", "/health")

    assert refused.value.allowed == ("GET", "HEAD", "OPTIONS")


@pytest.mark.parametrize(
    ("error", "status", "seconds"),
    [
        (LeaseHeld("Held.", retry_after=12.2), 409, "13"),
        (LeaseHeld("Held.", retry_after=0.0), 409, "10"),
        (TooManyRuns("Many.", retry_after=0.3), 429, "1"),
        (StoreError("Gone."), 503, "10"),
    ],
)
def test_retry_after_is_whole_seconds_above_none(error: LeaseHeld, status: int, seconds: str):
    """RFC 9110 takes whole seconds; 0 would be asked for at once."""
    answer = answer_error(error)

    assert (answer.status, answer.headers["Retry-After"]) == (status, seconds)


def test_the_container_has_room_for_health_beside_a_run(tmp_path):
    """Several threads in one process, and less time to end than Cloud Run gives."""
    options = options_of(Settings(root_dir=str(tmp_path), pipelines_dir=str(tmp_path), port=9090))

    assert options["bind"] == "0.0.0.0:9090"
    assert (options["workers"], options["threads"] >= 2) == (1, True)
    assert options["graceful_timeout"] < 10


def test_windows_is_told_of_another_server(monkeypatch, capsys):
    """gunicorn doesn't run there; nothing else of the container is tried."""
    monkeypatch.setattr(container, "os", SimpleNamespace(name="nt"))

    assert container.main({}) == container.WRONG_CONFIGURATION
    assert "Use `pplns serve`." in capsys.readouterr().err
