"""`python -m pplns_deploy.emulator`: the stand-in as a process of its own."""

import argparse
import json
import signal
import sys
from pathlib import Path
from types import FrameType

from pplns.errors import PplnsError
from pplns_deploy.emulator.cloud import Cloud
from pplns_deploy.emulator.endpoints import provider_endpoints, provider_environment
from pplns_deploy.emulator.refusals import StandInError
from pplns_deploy.emulator.server import StandIn


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal comes; print where the APIs are."""
    options = _parser().parse_args(arguments)
    try:
        callers = dict(_caller(text) for text in options.caller)
        cloud = Cloud(enforces_services=options.enforce_services)
        cloud.callers.update(callers)
        stand_in = StandIn(cloud, port=options.port, file=options.state)
    except (PplnsError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3

    def stop(number: int, frame: FrameType | None) -> None:
        stand_in.close()

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, stop)
    _say(stand_in.url, as_json=options.json)
    stand_in.serve()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pplns_deploy.emulator",
        description="Serve a stand-in of Google's REST APIs on this machine, for Terraform and clients.",
        epilog="example: python -m pplns_deploy.emulator --port 8085 --state cloud.json --caller t=user:a@b.example",
    )
    parser.add_argument(
        "--port", type=int, default=0, help="the port on 127.0.0.1 (default: a free one, which is printed)"
    )
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the state in this file, and begin with it")
    parser.add_argument("--caller", action="append", default=[], metavar="TOKEN=MEMBER",
                        help="know a caller by a token; the token 'owner' may do everything")  # fmt: skip
    parser.add_argument("--enforce-services", action="store_true", help="refuse APIs that a project has not enabled")
    parser.add_argument("--json", action="store_true", help="print the endpoints as one line of JSON")
    return parser


def _caller(text: str) -> tuple[str, str]:
    token, found, member = text.partition("=")
    if not found or ":" not in member:
        raise StandInError(
            f"--caller {text!r} is no caller.", "A token and its member.", "Write --caller t1=user:ann@example.com."
        )
    return token, member


def _say(url: str, *, as_json: bool) -> None:
    if as_json:
        document = {"url": url, "provider": provider_endpoints(url), "environment": provider_environment(url)}
        print(json.dumps(document), flush=True)
        return
    print(f"Google's APIs on {url}; the state at {url}/_control/state\n")
    for name, value in provider_environment(url).items():
        print(f"export {name}={value}")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
