"""Who we are to a registry: docker's configuration and credential helpers, Google's default credentials, or nobody.

What someone configured for a host comes first. Hosts of Google's registries take Application Default Credentials
where nothing was configured."""

import json
import os
import re
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pplns.errors import ConfigError
from pplns_deploy.cloud import AccessTokens, NoCredentials

_GOOGLE_HOST = re.compile(r"(?:[a-z0-9-]+\.)?(?:pkg\.dev|gcr\.io)")
_PUBLIC_HOSTS = frozenset({"mirror.gcr.io"})  # whose images anyone may pull, also with a login that has expired
_GOOGLE_USER = "oauth2accesstoken"
_KEY_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_HUB_HOST, _HUB_KEY = "registry-1.docker.io", "https://index.docker.io/v1/"
_HELPER_TOKEN_USER = "<token>"  # docker's mark for an identity token
_HELPER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and a secret; `is_identity` where the secret is a refresh token instead of a password."""

    user: str
    secret: str = field(repr=False)
    is_identity: bool = False


class Credentials:
    """Finds the credential for a host."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._tokens = AccessTokens(environ)

    def find(self, host: str) -> Credential | None:
        """Return the credential for a host, or None to go without.

        Raises: ConfigError for a docker configuration or helper that fails."""
        configuration = _read(_docker_file(self._environ))
        key = _HUB_KEY if host == _HUB_HOST else host
        return (
            self._from_helper(_table(configuration, "credHelpers").get(key), key)
            or _from_entry(_table(configuration, "auths"), key)
            or self._from_helper(configuration.get("credsStore"), key)
            or (self._from_google() if _GOOGLE_HOST.fullmatch(host) and host not in _PUBLIC_HOSTS else None)
        )

    def _from_helper(self, helper: str | None, key: str) -> Credential | None:
        if helper is None:
            return None
        program = f"docker-credential-{helper}"
        found = shutil.which(program, path=self._environ.get("PATH"))  # on Windows it ends with .exe or .cmd
        if found is None:
            raise _bad_helper(program, "it isn't on the PATH")
        try:
            done = subprocess.run(
                [found, "get"], check=False, input=key, capture_output=True, text=True, timeout=_HELPER_SECONDS,
                env=dict(self._environ),
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            raise _bad_helper(program, str(error)) from error
        if done.returncode:
            if "not found" in f"{done.stdout} {done.stderr}".lower():  # how helpers say that they know no such host
                return None
            raise _bad_helper(program, (done.stderr or done.stdout).strip())
        return _from_answer(program, done.stdout)

    def _from_google(self) -> Credential | None:
        """Return Google's access token as a password; None where nobody is signed in."""
        from google.auth.exceptions import DefaultCredentialsError

        try:
            return Credential(_GOOGLE_USER, self._tokens())
        except NoCredentials as error:
            if isinstance(error.__cause__, DefaultCredentialsError) and not self._environ.get(_KEY_VARIABLE):
                return None
            raise


def _docker_file(environ: Mapping[str, str]) -> Path:
    folder = environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path(os.path.expanduser("~")) / ".docker") / "config.json"  # noqa: PTH111


def _read(file: Path) -> Mapping[str, Any]:
    try:
        document: object = json.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{str(file)!r} can't be read: {error}.",
            "It is docker's configuration, which has the credentials for registries.",
            "Correct it, or log in again: docker login REGISTRY.",
        ) from error
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _table(configuration: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = configuration.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _from_entry(entries: Mapping[str, Mapping[str, str]], key: str) -> Credential | None:
    entry = next((entries[name] for name in (key, f"https://{key}", f"https://{key}/v1/") if name in entries), None)
    if not entry:  # also an empty one, docker's mark for "in the helper"
        return None
    if token := entry.get("identitytoken"):
        return Credential(_HELPER_TOKEN_USER, token, is_identity=True)
    if "auth" in entry:
        try:
            user, _, secret = b64decode(entry["auth"]).decode().partition(":")
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"The auth of {key!r} in docker's configuration can't be read ({type(error).__name__}).",
                "It is user:password in base64, as `docker login` writes it.",
                f"Log in again: docker login {key}.",
            ) from error
        return Credential(user, secret.rstrip("\0"))
    if "username" in entry and "password" in entry:
        return Credential(entry["username"], entry["password"])
    return None


def _from_answer(program: str, answer: str) -> Credential:
    try:
        document = json.loads(answer)
        user, secret = str(document["Username"]), str(document["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        raise _bad_helper(program, f"its answer isn't understood ({type(error).__name__})") from error
    return Credential(user, secret, is_identity=user == _HELPER_TOKEN_USER)


def _bad_helper(program: str, problem: str) -> ConfigError:
    return ConfigError(
        f"The credential helper {program} failed: {problem}.",
        "docker's configuration names it for this registry.",
        "Install or mend it, or log in again: docker login REGISTRY.",
    )
