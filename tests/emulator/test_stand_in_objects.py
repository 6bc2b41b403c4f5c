"""Cloud Storage's objects: generations, preconditions, uploads, and an account that has one prefix only."""

import urllib.request
from typing import Any

import pytest

from google_stand_in import OWN_PREFIX, RUNTIME, Google
from pplns_deploy.emulator import storage_host

BUCKET = "storage/v1/b/acme-runs"
ACCOUNT = f"serviceAccount:{RUNTIME}"


@pytest.fixture
def account(furnished: Google) -> Google:
    """Return an account that has its own prefix, and a bucket with an object of a neighbour's."""
    binding = {
        "role": "roles/storage.objectUser",
        "members": [ACCOUNT],
        "condition": {"title": "own", "expression": OWN_PREFIX},
    }
    furnished.send("PUT", f"{BUCKET}/iam", {"bindings": [binding], "version": 3})
    furnished.write("acme-runs", "runs/weekly/a")
    return furnished.as_caller(ACCOUNT)


def test_an_account_does_everything_under_its_own_prefix(account: Google) -> None:
    """Create, replace, get, list and delete."""
    made = account.write("acme-runs", "runs/daily/a")
    account.write("acme-runs", "runs/daily/a", ifGenerationMatch=made["generation"])

    assert account.get(f"{BUCKET}/o/runs%2Fdaily%2Fa")["generation"] != made["generation"]
    assert [one["name"] for one in account.get(f"{BUCKET}/o?prefix=runs/daily/")["items"]] == ["runs/daily/a"]
    account.delete(f"{BUCKET}/o/runs%2Fdaily%2Fa")
    assert account.refused("GET", f"{BUCKET}/o/runs%2Fdaily%2Fa").code == 404


@pytest.mark.parametrize(
    ("http", "path", "permission"),
    [
        ("GET", f"{BUCKET}/o/runs%2Fweekly%2Fa", "storage.objects.get"),
        ("GET", f"{BUCKET}/o/runs%2Fweekly%2Fa?alt=media", "storage.objects.get"),
        ("GET", f"{BUCKET}/o/runs%2Fweekly%2Fnone", "storage.objects.get"),
        ("POST", "upload/storage/v1/b/acme-runs/o?uploadType=media&name=runs/weekly/b", "storage.objects.create"),
        ("POST", "upload/storage/v1/b/acme-runs/o?uploadType=media&name=runs/weekly/a", "storage.objects.create"),
        ("DELETE", f"{BUCKET}/o/runs%2Fweekly%2Fa", "storage.objects.delete"),
        ("GET", f"{BUCKET}/o?prefix=runs/weekly/", "storage.objects.list"),
        ("GET", f"{BUCKET}/o?prefix=runs/", "storage.objects.list"),
        ("GET", f"{BUCKET}/o", "storage.objects.list"),
        ("GET", BUCKET, "storage.buckets.get"),
        ("PATCH", BUCKET, "storage.buckets.update"),
    ],
)
def test_a_neighbours_prefix_is_403(account: Google, http: str, path: str, permission: str) -> None:
    """Get, create, replace, delete, list, and the bucket itself."""
    refused = account.refused(http, path, {} if http in ("POST", "PATCH") else None)

    assert (refused.code, permission in refused.message) == (403, True)


def test_without_the_listing_half_a_missing_object_reads_as_403(account: Google, furnished: Google) -> None:
    """Who may not list isn't told that an object isn't there."""
    first_half = OWN_PREFIX.partition(" ||")[0]
    binding = {
        "role": "roles/storage.objectUser",
        "members": [ACCOUNT],
        "condition": {"title": "own", "expression": first_half},
    }
    furnished.send("PUT", f"{BUCKET}/iam", {"bindings": [binding], "version": 3})

    assert account.refused("GET", f"{BUCKET}/o/runs%2Fdaily%2Fnone").code == 403


def test_writing_over_takes_the_permission_to_delete(account: Google, furnished: Google) -> None:
    """Who may create only can't replace."""
    binding = {"role": "roles/storage.objectCreator", "members": [ACCOUNT]}
    furnished.send("PUT", f"{BUCKET}/iam", {"bindings": [binding]})
    account.write("acme-runs", "once")

    path = "upload/storage/v1/b/acme-runs/o?uploadType=media&name=once"
    assert "storage.objects.delete" in account.refused("POST", path, {}).message


@pytest.mark.parametrize(
    ("http", "path"),
    [
        ("POST", "upload/storage/v1/b/acme-runs/o?uploadType=media&name=a&ifGenerationMatch=0"),
        ("POST", "upload/storage/v1/b/acme-runs/o?uploadType=media&name=b&ifGenerationMatch=5"),
        ("GET", f"{BUCKET}/o/a?ifGenerationMatch=5"),
        ("GET", f"{BUCKET}/o/a?ifMetagenerationNotMatch=1"),
        ("DELETE", f"{BUCKET}/o/a?ifGenerationMatch=5"),
        ("PATCH", f"{BUCKET}/o/a?ifMetagenerationMatch=2"),
        ("DELETE", f"{BUCKET}?ifMetagenerationMatch=9"),
    ],
)
def test_a_precondition_holds_on_every_method(furnished: Google, http: str, path: str) -> None:
    """Not on writing alone, as with other emulators."""
    furnished.write("acme-runs", "a")

    assert furnished.refused(http, path, {} if http in ("POST", "PATCH") else None).code == 412


def test_a_bucket_with_objects_stays(furnished: Google) -> None:
    """Only an empty bucket can be deleted."""
    furnished.write("acme-runs", "a")

    assert furnished.refused("DELETE", BUCKET).code == 409


def test_null_takes_a_setting_away_and_what_is_left_out_stays(furnished: Google) -> None:
    """A patch of a bucket is a merge."""
    furnished.patch(BUCKET, {"labels": {"a": "1", "b": "2"}})
    found = furnished.patch(BUCKET, {"labels": {"a": None}})

    assert (found["labels"], found["metageneration"]) == ({"b": "2"}, "3")


def test_names_are_listed_in_pages_and_folders(furnished: Google) -> None:
    """A delimiter makes folders, which count as entries of a page."""
    for name in ("a/1", "a/2", "b", "c/1"):
        furnished.write("acme-runs", name)
    first = furnished.get(f"{BUCKET}/o?delimiter=/&maxResults=2")
    second = furnished.get(f"{BUCKET}/o?delimiter=/&maxResults=2&pageToken={first['nextPageToken']}")

    assert (first["prefixes"], [one["name"] for one in first["items"]]) == (["a/"], ["b"])
    assert (second["prefixes"], "nextPageToken" in second) == (["c/"], False)


def test_the_xml_api_reads_parts(furnished: Google) -> None:
    """Terraform's backend reads its state this way."""
    furnished.write("acme-runs", "a/b", b"0123456789")
    headers = {"Authorization": "Bearer owner", "Range": "bytes=2-4"}

    with urllib.request.urlopen(urllib.request.Request(f"{furnished.url}/acme-runs/a/b", headers=headers)) as answered:
        assert (answered.status, answered.read()) == (206, b"234")


@pytest.mark.parametrize("size", [10, 3 * 1024 * 1024])
def test_googles_client_speaks_to_it(account: Google, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """google-cloud-storage is known by the token in its host, and uploads in one piece or in many."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_host(account.url, account.token))
    from google.api_core.exceptions import Forbidden, PreconditionFailed
    from google.cloud import storage

    bucket: Any = storage.Client(project="acme-data").bucket("acme-runs")
    blob = bucket.blob("runs/daily/a", chunk_size=256 * 1024 if size > 10 else None)
    blob.upload_from_string(b"x" * size, if_generation_match=0)

    assert bucket.blob("runs/daily/a").download_as_bytes() == b"x" * size
    with pytest.raises(PreconditionFailed):
        blob.upload_from_string(b"y", if_generation_match=0)
    with pytest.raises(Forbidden):
        bucket.blob("runs/weekly/a").download_as_bytes()
