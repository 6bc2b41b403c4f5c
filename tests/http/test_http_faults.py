"""What breaks on the way in, or inside: each request is answered, and the process goes on."""

import contextlib
import http.client
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Request

from deliveries import unwrapped_headers
from pplns.server.app import respond
from pplns.server.process import Process
from service import ANSWER_SECONDS, Service

LINES = {"Accept": "application/x-ndjson"}
LENGTH, CHUNKED = b"Content-Length: 100", b"Transfer-Encoding: chunked"
LEAVING = """import sys
from pplns import pipeline, step

@step
def add(n: int) -> int:
    return n + 1

@pipeline
def leaving(n: int = 1):
    if n > 1:
        sys.exit("too many")
    return add(n)
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A process of the service, called without a server between."""
    folder: Path = tmp_path_factory.mktemp("left")
    (folder / "leaving.py").write_text(LEAVING)
    process = Process()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PPLNS_PIPELINES", str(folder))
        patch.setenv("PPLNS_STORE", f"memory:{folder.name}")
        process.served()

        def answer(request: Request) -> Any:
            return respond(request, process)

        yield Client(Request.application(answer))
    process.close()


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (LENGTH, b""), (LENGTH, b'{"params": {'), (LENGTH, b"{}"),
        (CHUNKED, b"2\r\n{"), (CHUNKED, b"2\r\n{}\r\n"), (CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n"),
    ],
)  # fmt: skip
def test_a_body_that_breaks_off_becomes_no_run(any_service: Service, header: bytes, body: bytes):
    """Its beginning may be a whole request, with other parameters than the caller meant; it is the caller's fault."""
    before = any_service.get("/pipelines/adding/runs?limit=1").json

    answer = send_and_close(any_service.port, b"POST /pipelines/adding/runs HTTP/1.1", header, body)

    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"bad_request"' in answer
    assert any_service.get("/pipelines/adding/runs?limit=1").json == before


@pytest.mark.parametrize("path", ["/pipelines/nothing/runs", "/nowhere", "/pipelines/adding/runs?n=1"])
def test_a_caller_who_is_still_sending_hears_what_was_wrong(any_service: Service, path: str):
    """And its connection takes the next request: answered early, it would have broken off while the body was sent."""
    connection = http.client.HTTPConnection("127.0.0.1", any_service.port, timeout=ANSWER_SECONDS)
    with contextlib.closing(connection):
        connection.request("POST", path, body=b" " * (8 * 1024 * 1024))
        refused = connection.getresponse()
        refused.read()
        socket_before = connection.sock
        connection.request("GET", "/health")
        answered = connection.getresponse()
        answered.read()

        assert (refused.status in (400, 404), answered.status) == (True, 200)
        assert connection.sock is socket_before


def test_a_push_with_many_attributes_is_heard(container: Service):
    """Unwrapped, each of them is a header, beside a dozen of the transport's."""
    headers = unwrapped_headers(**{f"attribute-{number}": "x" for number in range(100)})

    answer = container.post("/pipelines/daily/runs", b"", headers | {f"x-forwarded-{n}": "1" for n in range(20)})

    assert len(answer.json["trigger"]["details"]["attributes"]) == 100


@pytest.mark.parametrize("headers", [{}, LINES])
def test_a_function_that_ends_python_is_answered(client: Client, headers: dict[str, str]):
    """`sys.exit()` in a pipeline's function neither ends the worker nor leaves the caller of a stream without end."""
    answer = client.post("/pipelines/leaving/runs", json={"params": {"n": 2}}, headers=headers)

    assert (answer.status_code, answer.get_json(force=True)["error"]["code"]) == (500, "bad_definition")
    assert "SystemExit: too many" in answer.get_data(as_text=True)


@pytest.mark.parametrize("headers", [{}, LINES])
@pytest.mark.parametrize("error", [SystemExit(2), GeneratorExit()])
def test_whatever_is_raised_is_answered(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: BaseException, headers: dict[str, str]
):
    """Who waits for an answer would wait for ever."""
    monkeypatch.setattr("pplns.server.runs.start", raising(error))

    answer = client.post("/pipelines/leaving/runs", headers=headers)

    assert (answer.status_code, answer.get_json(force=True)["error"]["code"]) == (500, "internal")


def raising(error: BaseException) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def send_and_close(port: int, line: bytes, header: bytes, body: bytes) -> bytes:
    """Send the beginning of a request, say that nothing more comes, and return the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as connection:
        connection.sendall(b"\r\n".join([line, b"Host: localhost", b"Connection: close", header, b"", body]))
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return answer.read()
