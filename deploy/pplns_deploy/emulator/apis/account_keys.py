"""Keys of service accounts: made here, their public half kept, the private one given out once.

https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys"""

import base64
import json
import secrets
from typing import Any

from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.accounts import find
from pplns_deploy.emulator.apis.identity_tokens import make_key
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud

Json = dict[str, Any]
KEYS = "iam.keys"


def create(cloud: Cloud, call: Call) -> Json:
    """Make a key, and return it with the file that clients sign in with."""
    account = find(cloud, call.name)
    key_id = secrets.token_hex(20)
    private, certificate = make_key(key_id)
    name = f"{account['name']}/keys/{key_id}"
    row = cloud.table(KEYS).create(
        name, {"name": name, "keyType": "USER_MANAGED", "keyAlgorithm": "KEY_ALG_RSA_2048", "_certificate": certificate}
    )
    file = {
        "type": "service_account", "project_id": account["projectId"], "private_key_id": key_id,
        "private_key": private, "client_email": account["email"], "client_id": account["uniqueId"],
        "token_uri": f"{call.base_url}/oauth2/token", "universe_domain": "googleapis.com",
    }  # fmt: skip
    return _shown(row) | {"privateKeyData": base64.b64encode(json.dumps(file).encode()).decode()}


def read(cloud: Cloud, call: Call) -> Json:
    """Return a key, without its private half."""
    return _shown(cloud.table(KEYS).read(_name(cloud, call)))


def listed(cloud: Cloud, call: Call) -> Json:
    """List the keys of an account."""
    rows = cloud.table(KEYS).under(find(cloud, call.name)["name"])
    return {"keys": [_shown(row) for row in rows]} if rows else {}


def delete(cloud: Cloud, call: Call) -> Json:
    """Delete a key: what it signs is worth nothing from then on."""
    cloud.table(KEYS).delete(_name(cloud, call))
    return {}


def certificate_of(cloud: Cloud, email: str, key_id: str) -> str | None:
    """Return the certificate of an account's key, or None where there is none."""
    name = f"{find(cloud, f'projects/-/serviceAccounts/{email}')['name']}/keys/{key_id}"
    row = cloud.table(KEYS).rows.get(name)
    return str(row["_certificate"]) if row else None


def _name(cloud: Cloud, call: Call) -> str:
    account, _, key_id = call.name.partition("/keys/")
    return f"{find(cloud, account)['name']}/keys/{key_id}"


def _shown(row: Json) -> Json:
    return {name: value for name, value in row.items() if not name.startswith("_")}


_BASE = "iam.projects.serviceAccounts.keys"
METHODS: dict[str, Handler] = {
    f"{_BASE}.create": create,
    f"{_BASE}.get": read,
    f"{_BASE}.list": listed,
    f"{_BASE}.delete": delete,
}
