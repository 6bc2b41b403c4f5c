"""Does Google's Pub/Sub emulator forget messages? A push endpoint that knows nothing of pplns, refusing for a while.

    python tests/journeys/emulator_forgets.py --seconds 60 --policy '{"minimumBackoff": "1s", "maximumBackoff": "10s"}'

Messages are published while the endpoint refuses and while it doesn't. Later it acknowledges everything: what doesn't
come again until `--patience` seconds after that is forgotten. See docs/proofs.md."""

import argparse
import base64
import contextlib
import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pubsub_emulator import Emulator, running_emulator

UNDER_WAY = 3  # messages at a time


@dataclass
class Endpoint:
    """What is pushed to: `taken` are the messages that it acknowledged, `refused` counts the other answers,
    `again` the pushes of messages that were acknowledged before."""

    refuses: bool = False
    body: bytes = b""
    refused: int = 0
    again: int = 0
    taken: set[str] = field(default_factory=set[str])
    guard: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, body: bytes) -> int:
        """Return the status for a push."""
        with self.guard:
            if self.refuses:
                self.refused += 1
                return 503
            message_id = json.loads(body)["message"]["messageId"]
            self.again += message_id in self.taken
            self.taken.add(message_id)
            return 200


@contextmanager
def served(endpoint: Endpoint) -> Iterator[str]:
    """Serve an endpoint and give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(endpoint.answer(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_header("Content-Length", str(len(endpoint.body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked doesn't read it
                self.wfile.write(endpoint.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def publish(emulator: Emulator, topic: str) -> str:
    """Publish a message and return its id."""
    data = base64.b64encode(b"{}").decode()
    return str(emulator.call("POST", f"{topic}:publish", {"messages": [{"data": data}]})["messageIds"][0])


def forgotten(emulator: Emulator, options: argparse.Namespace) -> str:
    """Publish and refuse for some seconds; return what became of the messages."""
    endpoint, rng, published = Endpoint(body=b"x" * options.body), random.Random(options.seed), set[str]()
    with served(endpoint) as address:
        topic, policy = emulator.topic(), {"retryPolicy": options.policy} if options.policy else {}
        emulator.subscribe(topic, pushConfig={"pushEndpoint": address}, **policy)
        until = time.monotonic() + options.seconds
        while time.monotonic() < until:
            endpoint.refuses = not endpoint.refuses
            published |= {publish(emulator, topic) for _ in range(UNDER_WAY)}
            time.sleep(rng.uniform(0.3, 2.0))
        endpoint.refuses = False
        until = time.monotonic() + options.patience
        while published - endpoint.taken and time.monotonic() < until:
            time.sleep(0.5)
    lost = len(published - endpoint.taken)
    return f"{len(published)} published, {endpoint.refused} pushes refused, {lost} forgotten, {endpoint.again} repeated"


def main() -> None:
    """Run it, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--patience", type=float, default=60)
    parser.add_argument("--body", type=int, default=0, help="bytes of each answer")
    parser.add_argument("--policy", type=json.loads, default=None, help="retryPolicy of the subscription; none")
    parser.add_argument("--seed", type=int, default=20130101)
    options = parser.parse_args()
    with running_emulator() as host:
        print(forgotten(Emulator(host), options))


if __name__ == "__main__":
    main()
