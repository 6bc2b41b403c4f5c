"""The provider as a process that Terraform starts: it says on its first line where it answers, and ends when told to.

Source: https://github.com/hashicorp/go-plugin/blob/main/docs/internals.md"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from google_provider.messages import MESSAGE
from google_provider.provider import METHODS, Provider

THREADS = 64  # Terraform asks for thirty resources at once
ORPHANED_SECONDS = 2.0


def main() -> None:
    """Answer Terraform until it has no more questions."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to providers too; Terraform ends them itself
    told = threading.Event()
    server = grpc.server(ThreadPoolExecutor(THREADS), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers([_provider_handlers(Provider()), _controller_handlers(told)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"1|6|tcp|127.0.0.1:{port}|grpc|", flush=True)
    parent = os.getppid()
    while not told.wait(ORPHANED_SECONDS) and os.getppid() == parent:
        pass
    sys.stdout.flush()
    os._exit(0)  # a request to Google that still goes on would keep the interpreter


def _provider_handlers(provider: Provider) -> Any:
    def answering(question: str) -> Callable[[Any, Any], Any]:
        return lambda asked, _: provider.answer(question, asked)

    handlers = {
        question: _handler(answering(question), MESSAGE[request].FromString) for question, request in METHODS.items()
    }
    return grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers)


def _controller_handlers(told: threading.Event) -> Any:
    def shut_down(asked: bytes, context: grpc.ServicerContext) -> Any:
        context.add_callback(told.set)
        return MESSAGE["Nothing"]()

    return grpc.method_handlers_generic_handler(
        "plugin.GRPCController", {"Shutdown": _handler(shut_down, lambda data: data)}
    )


def _handler(answer: Callable[[Any, Any], Any], read: Callable[[bytes], Any]) -> Any:
    def write(message: Any) -> bytes:
        found: bytes = message.SerializeToString()
        return found

    handler: Any = grpc.unary_unary_rpc_method_handler
    return handler(answer, read, write)


if __name__ == "__main__":
    main()
