"""What each API does with a request that its discovery document allows, one module an API."""

from collections.abc import Callable, Mapping

from pplns_deploy.emulator.calls import Answer, Call
from pplns_deploy.emulator.cloud import Cloud

Handler = Callable[[Cloud, Call], Answer]
Handlers = Mapping[str, Handler]
