"""Cloud Storage's objects: reading, writing, deleting and listing, with generations, preconditions and conditions.

Writing over an object takes the permission to delete; what isn't there is 404 only for who may list, else 403.
https://cloud.google.com/storage/docs/json_api/v1/objects"""

import base64
import hashlib
import re
import struct
from typing import Any
from urllib.parse import quote

from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.storage import BUCKETS, bucket_resource, object_resource, permits, require_permission
from pplns_deploy.emulator.calls import Answer, Call, Raw
from pplns_deploy.emulator.cloud import Cloud, StoredObject
from pplns_deploy.emulator.conditions import Attributes
from pplns_deploy.emulator.refusals import Refusal, invalid

Json = dict[str, Any]
MAX_NAME_BYTES = 1024
FIRST_GENERATION = 1_700_000_000_000_000
LIST_PREFIX = "storage.googleapis.com/objectListPrefix"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def insert(cloud: Cloud, call: Call) -> Answer:
    """Write an object, at once or as the beginning of a resumable upload."""
    bucket = _require_bucket(cloud, call.names["bucket"])
    name = call.query.get("name") or call.body.get("name", "")
    _check_name(name)
    _require_write(cloud, call.caller, bucket, name)
    if call.upload_id:
        cloud.uploads[call.upload_id] = {"bucket": bucket, "name": name, "query": dict(call.query), "body": call.body,
                                         "caller": call.caller, "data": b""}  # fmt: skip
        return {}
    return _written(cloud, bucket, name, data=call.media, body=call.body, query=call.query)


def go_on(cloud: Cloud, upload_id: str, *, data: bytes, content_range: str) -> Answer:
    """Take another part of a resumable upload; the last one writes the object."""
    if upload_id not in cloud.uploads:
        raise Refusal("NOT_FOUND", "There is no such upload.")
    upload = cloud.uploads[upload_id]
    first, total = _content_range(content_range)
    if first is not None and first > len(upload["data"]):
        raise invalid(f"The upload has {len(upload['data'])} bytes; the part begins at {first}.")
    if first is not None or not content_range:
        upload["data"] = upload["data"][: first or 0] + data
    if total is None or len(upload["data"]) < total:
        got = {"Range": f"bytes=0-{len(upload['data']) - 1}"} if upload["data"] else {}
        return Raw(b"", status=308, headers=got)
    del cloud.uploads[upload_id]
    return _written(
        cloud, upload["bucket"], upload["name"], data=upload["data"], body=upload["body"], query=upload["query"]
    )


def read(cloud: Cloud, call: Call) -> Answer:
    """Return an object: its metadata, or its bytes if the query has `alt=media`."""
    stored = _readable(cloud, call.caller, call.names["bucket"], call.names["object"])
    _check_preconditions(call.query, stored)
    if call.headers.get("x-alt") != "media":
        return shown(stored, call.base_url)
    return media(stored, call.headers.get("range", ""))


def read_xml(cloud: Cloud, caller: str, bucket: str, name: str, *, ranged: str) -> Raw:
    """Return an object's bytes as the XML API does, which Go's client reads by."""
    _require_bucket(cloud, bucket)
    return media(_readable(cloud, caller, bucket, name), ranged)


def change(cloud: Cloud, call: Call) -> Answer:
    """Change an object's metadata."""
    bucket, name = call.names["bucket"], call.names["object"]
    stored = _readable(cloud, call.caller, bucket, name)
    _require(cloud, call.caller, "storage.objects.update", bucket, name)
    _check_preconditions(call.query, stored)
    changes = {key: value for key, value in call.body.items() if key not in ("name", "bucket", "generation")}
    kept = {key: value for key, value in (stored.metadata | changes).items() if value is not None}
    stored.metadata = kept | {"metageneration": str(int(stored.metadata["metageneration"]) + 1), "updated": cloud.now()}
    return shown(stored, call.base_url)


def delete(cloud: Cloud, call: Call) -> Answer:
    """Delete an object."""
    bucket, name = _require_bucket(cloud, call.names["bucket"]), call.names["object"]
    _require(cloud, call.caller, "storage.objects.delete", bucket, name)
    stored = _found(cloud, call.caller, bucket, name)
    _check_preconditions(call.query, stored)
    del cloud.objects[bucket][name]
    return Raw(b"", status=204)


def listed(cloud: Cloud, call: Call) -> Answer:
    """List the objects of a bucket under a prefix, in folders if there is a delimiter."""
    bucket, prefix = _require_bucket(cloud, call.names["bucket"]), call.query.get("prefix", "")
    attributes = Attributes(bucket_resource(bucket), type="storage.googleapis.com/Bucket", api={LIST_PREFIX: prefix})
    require_permission(cloud, call.caller, "storage.objects.list", bucket, attributes=attributes)
    names = [name for name in sorted(cloud.objects[bucket]) if _is_asked(name, call.query)]
    entries = _grouped(names, prefix, call.query.get("delimiter", ""))
    after, size = call.query.get("pageToken", ""), int(call.query.get("maxResults") or 1000)
    rest = [entry for entry in entries if entry[0] > after]
    items = [shown(cloud.objects[bucket][name], call.base_url) for name, is_folder in rest[:size] if not is_folder]
    prefixes = [name for name, is_folder in rest[:size] if is_folder]
    answer: Json = {"kind": "storage#objects"} | ({"items": items} if items else {})
    answer |= {"prefixes": prefixes} if prefixes else {}
    return answer | ({"nextPageToken": rest[size - 1][0]} if len(rest) > size else {})


def copy(cloud: Cloud, call: Call) -> Answer:
    """Copy an object, at once."""
    stored = _readable(cloud, call.caller, call.names["sourceBucket"], call.names["sourceObject"])
    bucket, name = _require_bucket(cloud, call.names["destinationBucket"]), call.names["destinationObject"]
    _check_name(name)
    _require_write(cloud, call.caller, bucket, name)
    body = {key: stored.metadata[key] for key in ("contentType", "metadata") if key in stored.metadata} | call.body
    made = _written(cloud, bucket, name, data=stored.data, body=body, query=call.query, base_url=call.base_url)
    if call.verb == "copy":
        return made
    size = made["size"]
    return {
        "kind": "storage#rewriteResponse",
        "done": True,
        "objectSize": size,
        "totalBytesRewritten": size,
        "resource": made,
    }


def shown(stored: StoredObject, base_url: str) -> Json:
    """Return an object's metadata with its links."""
    bucket, name, generation = (stored.metadata[key] for key in ("bucket", "name", "generation"))
    path = f"b/{bucket}/o/{quote(name, safe='')}"
    return stored.metadata | {
        "selfLink": f"{base_url}/storage/v1/{path}",
        "mediaLink": f"{base_url}/download/storage/v1/{path}?generation={generation}&alt=media",
    }


def media(stored: StoredObject, ranged: str) -> Raw:
    """Return an object's bytes, or the part that a Range header names."""
    headers = {
        "x-goog-generation": stored.metadata["generation"], "x-goog-metageneration": stored.metadata["metageneration"],
        "x-goog-hash": f"crc32c={stored.metadata['crc32c']},md5={stored.metadata['md5Hash']}",
        "x-goog-stored-content-length": stored.metadata["size"], "x-goog-storage-class": "STANDARD",
        "ETag": stored.metadata["etag"], "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    }  # fmt: skip
    kind = stored.metadata["contentType"]
    found = _RANGE.fullmatch(ranged)
    if found is None or not any(found.groups()):
        return Raw(stored.data, kind, headers=headers)
    size = len(stored.data)
    first = int(found[1]) if found[1] else max(0, size - int(found[2]))
    last = min(size - 1, int(found[2]) if found[1] and found[2] else size - 1)
    if first >= size:
        raise Refusal("RANGE_NOT_SATISFIABLE", "The requested range cannot be satisfied.")
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Raw(stored.data[first : last + 1], kind, status=206, headers=headers)


def _written(cloud: Cloud, bucket: str, name: str, *, data: bytes, body: Json, query: Any, base_url: str = "") -> Json:
    before = cloud.objects[bucket].get(name)
    _check_preconditions(query, before)
    now, generation = cloud.now(), str(FIRST_GENERATION + cloud.number())
    metadata = {key: value for key, value in body.items() if value is not None}
    metadata |= {
        "kind": "storage#object", "id": f"{bucket}/{name}/{generation}", "name": name, "bucket": bucket,
        "generation": generation, "metageneration": "1",
        "contentType": body.get("contentType", "application/octet-stream"),
        "storageClass": cloud.rows[BUCKETS][bucket]["storageClass"], "size": str(len(data)),
        "md5Hash": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
        "crc32c": _crc32c(data),
        "etag": cloud.etag(), "timeCreated": now, "updated": now, "timeStorageClassUpdated": now, "timeFinalized": now,
    }  # fmt: skip
    stored = StoredObject(metadata, data)
    cloud.objects[bucket][name] = stored
    return shown(stored, base_url)


def _crc32c(data: bytes) -> str:
    import google_crc32c

    checksums: Any = google_crc32c
    value: int = checksums.value(data)
    return base64.b64encode(struct.pack(">I", value)).decode()


def _require_bucket(cloud: Cloud, bucket: str) -> str:
    if bucket not in cloud.table(BUCKETS):
        raise Refusal("NOT_FOUND", "The specified bucket does not exist.")
    return bucket


def _require_write(cloud: Cloud, caller: str, bucket: str, name: str) -> None:
    """Source: https://cloud.google.com/storage/docs/access-control/iam-json"""
    _require(cloud, caller, "storage.objects.create", bucket, name)
    if name in cloud.objects[bucket]:
        _require(cloud, caller, "storage.objects.delete", bucket, name)


def _require(cloud: Cloud, caller: str, permission: str, bucket: str, name: str) -> None:
    attributes = Attributes(object_resource(bucket, name), type="storage.googleapis.com/Object")
    require_permission(cloud, caller, permission, bucket, attributes=attributes)


def _readable(cloud: Cloud, caller: str, bucket: str, name: str) -> StoredObject:
    _require_bucket(cloud, bucket)
    _require(cloud, caller, "storage.objects.get", bucket, name)
    return _found(cloud, caller, bucket, name)


def _found(cloud: Cloud, caller: str, bucket: str, name: str) -> StoredObject:
    stored = cloud.objects[bucket].get(name)
    if stored is not None:
        return stored
    attributes = Attributes(bucket_resource(bucket), type="storage.googleapis.com/Bucket", api={LIST_PREFIX: name})
    if not permits(cloud, caller, "storage.objects.list", bucket, attributes=attributes):
        require_permission(cloud, caller, "storage.objects.list", bucket, attributes=attributes)
    raise Refusal("NOT_FOUND", f"No such object: {bucket}/{name}")


def _check_preconditions(query: Any, stored: StoredObject | None) -> None:
    """Source: https://cloud.google.com/storage/docs/request-preconditions"""
    generation = stored.metadata["generation"] if stored else "0"
    metageneration = stored.metadata["metageneration"] if stored else "0"
    pairs = [
        (query.get("ifGenerationMatch", generation) == generation),
        (query.get("ifGenerationNotMatch") != generation),
        (query.get("ifMetagenerationMatch", metageneration) == metageneration),
        (query.get("ifMetagenerationNotMatch") != metageneration),
    ]
    if not all(pairs):
        raise Refusal("CONDITION_NOT_MET", "At least one of the pre-conditions you specified did not hold.")
    if query.get("generation", generation) != generation:
        raise Refusal("NOT_FOUND", f"No such generation: {query['generation']}")


def _check_name(name: str) -> None:
    """Source: https://cloud.google.com/storage/docs/objects#naming"""
    if not name or len(name.encode()) > MAX_NAME_BYTES or re.search(r"[\r\n]", name) or name in (".", ".."):
        raise invalid(f"Invalid object name: {name!r}: 1 to {MAX_NAME_BYTES} bytes without line breaks.")


def _is_asked(name: str, query: Any) -> bool:
    start, end = query.get("startOffset", ""), query.get("endOffset", "")
    return name.startswith(query.get("prefix", "")) and name >= start and (not end or name < end)


def _grouped(names: list[str], prefix: str, delimiter: str) -> list[tuple[str, bool]]:
    """Return names, and folders in place of what lies in them: each with whether it is a folder."""
    entries: dict[str, bool] = {}
    for name in names:
        folder, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
        entries[f"{prefix}{folder}{delimiter}" if found else name] = bool(found)
    return sorted(entries.items())


def _content_range(text: str) -> tuple[int | None, int | None]:
    """Return where a part begins and how many bytes there are in all, as far as is said."""
    found = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", text)
    if found is None:
        if text:
            raise invalid(f"Content-Range {text!r} can't be read.")
        return 0, 0
    return int(found[1]) if found[1] else None, int(found[3]) if found[3] != "*" else None


METHODS: dict[str, Handler] = {
    "storage.objects.insert": insert,
    "storage.objects.get": read,
    "storage.objects.patch": change,
    "storage.objects.update": change,
    "storage.objects.delete": delete,
    "storage.objects.list": listed,
    "storage.objects.copy": copy,
    "storage.objects.rewrite": copy,
}
