"""Runs on a service from the command line: progress, exit codes, and connections that break off."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from pplns.engine.events import AttemptStarted, StepCommitted
from pplns.errors import ConfigError, ParameterError
from pplns_deploy.cli.commands import cli
from pplns_deploy.service_client import ServiceClient
from service import Service


@pytest.fixture
def served(shop, tmp_path):
    """The shop as a service of functions-framework."""
    service = Service(shop / "pipelines", tmp_path)
    yield service
    service.end()


@pytest.fixture
def pplns(capsys):
    """Call `pplns` and return its exit code and what it wrote."""

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments), prog_name="pplns")
        return int(ended.value.code or 0), *capsys.readouterr()

    return call


@contextmanager
def cutting(service: Service, *, after: list[bytes | None]) -> Iterator[str]:
    """Stand between a client and a service; of each connection in turn the answer is cut at some bytes.

    None leaves a connection alone, and b"" cuts it before anything was answered."""
    cuts = list(after)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve(client: socket.socket, cut: bytes | None) -> None:
            with client, socket.create_connection(("127.0.0.1", service.port)) as upstream:
                threading.Thread(target=copy, args=(client, upstream, None), daemon=True).start()
                copy(upstream, client, cut)
                with suppress(OSError):  # the client may be gone already
                    client.shutdown(socket.SHUT_RDWR)

        def copy(source: socket.socket, target: socket.socket, cut: bytes | None) -> None:
            try:
                while data := source.recv(65536):
                    place = -1 if cut is None else data.find(cut)
                    target.sendall(data if place < 0 else data[:place])
                    if place >= 0:
                        return
            except OSError:
                return

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(client, cuts.pop(0) if cuts else None), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Answer each connection the same, whatever it asks."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    with client:
                        client.recv(65536)
                        client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def client_of(url):
    """Return a client that waits for nothing."""
    return ServiceClient(url, wait=lambda _: None)


def test_a_run_on_a_service_looks_like_one_here(served, pplns):
    """The same lines, the same exit code, and where to look closer."""
    code, out, err = pplns("run", "shop", "--url", served.url, "-p", "region=us", "-p", "day=2013-01-05")

    assert (code, err) == (0, "")
    assert "✓ load" in out
    assert 'Result: "2013-01-05/us"' in out
    assert f"Look closer: {served.url}/pipelines/shop/runs/" in out


def test_a_run_that_fails_there_exits_with_1(served, pplns):
    """With its error, and the place in the user's code."""
    code, out, err = pplns("trigger", "shop", "--url", served.url, "-p", "region=poison")

    assert code == 1
    assert "✗ load" in out
    assert "Failed in" in out
    assert "Error: there is no such region" in err
    assert "in load" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["shop", "-p", "day=soon"], 2, "The parameter 'day' of pipeline 'shop' is 'soon'"),
        (["shop", "-p", "dya=1"], 2, "'dya'"),
        (["shpo"], 2, "Did you mean 'shop'?"),
        (["shop", "--async"], 1, "has no topic here"),
    ],
)
def test_what_a_service_refuses_has_the_exit_code_that_it_has_here(served, pplns, arguments, code, said):
    """And the same words."""
    ended, _, err = pplns("trigger", *arguments, "--url", served.url)

    assert ended == code
    assert said in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "shop", "--url", "http://127.0.0.1:1"], 3, "can't be reached: [Errno 111] Connection refused."),
        (["run", "shop", "--url", "127.0.0.1:1"], 2, "--url '127.0.0.1:1' is no URL."),
        (["run", "shop", "--url", "http://127.0.0.1:1", "--run-id", "x"], 2, "--run-id x with --url."),
        (["run", "../shop", "--url", "http://127.0.0.1:1"], 2, "'../shop' can be no pipeline's name."),
        (["trigger", "shop"], 3, "`pplns dev` doesn't run for this project"),
    ],
)
def test_what_can_t_be_asked_of_a_service_is_refused(shop, pplns, arguments, code, said):
    """Before anything is sent."""
    ended, _, err = pplns(*arguments)

    assert ended == code
    assert said in err


def test_with_json_stdout_is_the_record(served, pplns):
    """And nothing else."""
    code, out, err = pplns("trigger", "shop", "--url", served.url, "--json")

    assert code == 0
    assert out.startswith('{\n  "run_id"')
    assert "✓ load" in err


@pytest.mark.parametrize("cut", [b'{"event":"step_started"', b'{"run_id"', b'{"event":"step_committed","step":"save"'])
def test_a_stream_that_breaks_off_is_followed_up(served, cut):
    """The run goes on in the service; each step is told of once."""
    told = []
    with cutting(served, after=[cut]) as url:
        record = client_of(url).run("shop", {"region": "us"}, observer=told.append)

    assert (record.state, record.attempt) == ("succeeded", 1)
    assert sorted(one.step for one in told if isinstance(one, StepCommitted)) == ["load", "save"]
    assert sum(isinstance(one, AttemptStarted) for one in told) == 1


def test_a_start_whose_answer_was_lost_is_the_same_run(served):
    """Repeated under the same key, as often as it takes."""
    with cutting(served, after=[b"", b"", b'{"event":"step_started"']) as url:
        record = client_of(url).run("shop", {"region": "us"}, observer=lambda _: None)

    assert record.state == "succeeded"
    assert len(served.get("/pipelines/shop/runs").json["runs"]) == 1


def test_a_service_that_went_away_is_told_of(served):
    """After a few tries."""
    with (
        cutting(served, after=[b""] * 9) as url,
        pytest.raises(ConfigError, match="the connection broke off each time"),
    ):
        client_of(url).run("shop", {}, observer=lambda _: None)


def test_what_is_no_service_of_pplns_is_told_of(shop):
    """Another program answers there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answer() -> None:
            client, _ = listening.accept()
            with client:
                client.recv(65536)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(ConfigError, match="answered 200 with what no service of pplns answers"):
            client_of(f"http://127.0.0.1:{listening.getsockname()[1]}").run("shop", {}, observer=lambda _: None)


def test_a_token_is_sent_and_asked_for(shop, tmp_path):
    """A service that checks callers refuses one without; the error says how to get one."""
    service = Service(
        shop / "pipelines", tmp_path, PPLNS_AUDIENCE="https://shop.example", PPLNS_ALLOWED_CALLERS="a@x.example"
    )
    try:
        with pytest.raises(ConfigError) as refused:
            client_of(service.url).run("shop", {}, observer=lambda _: None)
        with pytest.raises(ConfigError) as garbled:
            ServiceClient(service.url, lambda: "garbled").run("shop", {}, observer=lambda _: None)
    finally:
        service.end()

    assert str(refused.value) != str(garbled.value)


def test_a_pipeline_that_the_service_has_not_loaded_is_a_wrong_name(served):
    """As the same mistake is here."""
    with pytest.raises(ParameterError):
        client_of(served.url).run("shop", {"unknown": 1}, observer=lambda _: None)


@pytest.mark.parametrize("call", ["run", "start", "read"])
def test_a_service_that_sends_elsewhere_is_named(call):
    """Cloud Run sends from http:// to https://, and a POST that followed would be a GET."""
    with answering(b"HTTP/1.1 302 Found\r\nLocation: https://shop.a.run.app/x\r\nContent-Length: 0\r\n\r\n") as url:
        client = client_of(url)
        calls = {
            "run": lambda: client.run("shop", {}, observer=lambda _: None),
            "start": lambda: client.start("shop", {}),
            "read": lambda: client.read("shop", "1"),
        }

        with pytest.raises(ConfigError, match=r"sends its callers elsewhere, to 'https://shop\.a\.run\.app/x'"):
            calls[call]()


@pytest.mark.parametrize("body", [b'{"runs": []}', b'{"run_id": 1}', b"[]", b"<html>"])
def test_another_programs_answer_is_no_bug_of_pplns(body):
    """It says that no service of pplns is there."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with answering(head + body) as url, pytest.raises(ConfigError, match="what no service of pplns answers"):
        client_of(url).run("shop", {}, observer=lambda _: None)
