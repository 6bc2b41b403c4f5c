"""A stand-in of Google's REST APIs on this machine: what Terraform's google provider and Google's clients talk to.

One process, one port of 127.0.0.1, one state in memory. A request goes through `dispatch`: the discovery document of
its API says whether there is such a method and whether its query and body are well formed (`discovery`, `schemas`),
the policies whether the caller may (`policies`, `roles`, `conditions`), the orders whether it fails all the same
(`faults`); what is left is an API's own work (`apis/`), with the value rules that Google's pages state and its
documents don't. What goes to a service's own address is `front`'s, and where credentials become tokens is
`signing_in`."""

from pplns_deploy.emulator.endpoints import provider_endpoints, provider_environment, storage_host
from pplns_deploy.emulator.server import StandIn, serving

__all__ = ["StandIn", "provider_endpoints", "provider_environment", "serving", "storage_host"]
