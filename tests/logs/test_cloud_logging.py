"""Lines that google-cloud-logging sends, received by a server of the test."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pplns.logs.lines import Source, encode, new_line
from pplns.logs.outputs import CloudOutput, JsonOutput
from pplns.logs.places import Place, trace_of, traced


@pytest.fixture
def received() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a server that takes entries, and the entries."""
    entries: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            entries.extend(body["entries"])
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", entries
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_line_is_an_entry_with_the_same_fields(received):
    """Severity, labels, trace, source and our own fields arrive where Cloud Logging has them."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.logging import Client
    from google.cloud.logging.handlers import CloudLoggingHandler
    from google.cloud.logging.handlers.transports import SyncTransport
    from google.cloud.logging_v2.resource import Resource

    address, entries = received
    client = Client(
        project="shop-1", credentials=AnonymousCredentials(), _use_grpc=False, client_options={"api_endpoint": address}
    )
    handler = CloudLoggingHandler(client, name="pplns", transport=SyncTransport, resource=Resource("global", {}))
    output = CloudOutput("shop-1", otherwise=JsonOutput(io.StringIO()), handler=handler)

    with traced(trace_of({"x-cloud-trace-context": "105445aa7843bc8bf206b12000100000/1;o=1"})):
        place = Place("shop", "january", 1, "load")
        line = new_line("ERROR", "no price", place=place, source=Source("load.py", 7, "load"), stack_trace="Traceback",
                        fields={"rows": 3})  # fmt: skip
        output.write(line, "")

    (entry,) = [one for one in entries if "no price" in json.dumps(one)]
    assert entry["severity"] == 500  # ERROR, as the API counts
    assert entry["jsonPayload"] == {"message": "no price", "rows": 3, "stack_trace": "Traceback"}
    assert place.labels.items() <= entry["labels"].items()
    assert entry["trace"] == "projects/shop-1/traces/105445aa7843bc8bf206b12000100000"
    assert entry["spanId"] == "0000000000000001"
    assert entry["sourceLocation"]["file"] == "load.py"


def test_without_credentials_lines_are_written_here(monkeypatch, tmp_path):
    """A log ends no run: one line says why nothing is sent, and none is lost."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    stdout = io.StringIO()
    output = CloudOutput("shop-1", otherwise=JsonOutput(stdout))

    for number in range(2):
        line = new_line("INFO", f"row {number}")
        output.write(line, encode(line))

    why, *rows = [json.loads(one) for one in stdout.getvalue().splitlines()]
    assert (why["severity"], [row["message"] for row in rows]) == ("ERROR", ["row 0", "row 1"])
    assert "PPLNS_CLOUD_LOGGING is set, but lines can't be sent: Your default credentials" in why["message"]
