"""One request to an API, checked, and what an API answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pplns_deploy.emulator.discovery import Document, Method

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that its discovery document allows."""

    document: Document
    method: Method
    names: Mapping[str, str]
    query: Mapping[str, Any]
    body: Json
    caller: str
    base_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    media: bytes = b""
    is_upload: bool = False
    upload_id: str = ""

    @property
    def name(self) -> str:
        """Return the resource that the path names."""
        return next((self.names[key] for key in ("name", "resource") if key in self.names), "")

    @property
    def parent(self) -> str:
        """Return the resource under which the path makes or lists others."""
        return next((self.names[key] for key in ("parent", "project", "projectId", "name") if key in self.names), "")

    @property
    def verb(self) -> str:
        """Return the last word of the method's id, such as `create`."""
        return self.method.id.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that isn't JSON: an object's bytes, or one with a status and headers of its own."""

    data: bytes
    content_type: str = "application/octet-stream"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Answer = Json | Raw
