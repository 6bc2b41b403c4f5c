"""What went wrong between this process and Cloud Storage, and what to do about it.

Google's own words are passed on: they name the account and the permission that it lacks."""

import contextlib
import json

from pplns.errors import StoreError
from pplns.stores.gcs.addresses import Address

MAX_QUOTED = 300
ROLE = "roles/storage.objectUser"


def refusal(address: Address, what: str, *, status: int, body: bytes) -> StoreError:
    """Return the error for an answer that a repeat wouldn't change."""
    said = quoted(body) or f"status {status}"
    if status == 404:
        return missing_bucket(address)
    if status in (401, 403):
        return StoreError(
            f"Can't {what} in {address.url}: {said}",
            f"The account needs the role Storage Object User ({ROLE}) on the bucket.",
            f"gcloud storage buckets add-iam-policy-binding gs://{address.bucket}"
            f" --member=serviceAccount:EMAIL --role={ROLE} (user:EMAIL for a person).",
        )
    return StoreError(
        f"Can't {what} in {address.url}: {said}",
        f"Cloud Storage takes such a request; it answered {status}.",
        "If the message doesn't name the cause, resume the run; if it happens again, report it.",
    )


def missing_bucket(address: Address) -> StoreError:
    """Return the error for a bucket that doesn't exist."""
    return StoreError(
        f"There is no bucket {address.bucket!r} for the store {address.url}.",
        "A store in Cloud Storage is a prefix in a bucket that exists.",
        f"Create it: gcloud storage buckets create gs://{address.bucket} --uniform-bucket-level-access"
        " --location=REGION; or name another with --store.",
    )


def no_answer(address: Address, what: str, *, seconds: float, last: str) -> StoreError:
    """Return the error for a call whose time is up."""
    return StoreError(
        f"Can't {what} in {address.url}: no usable answer for {seconds:g} s; the last was: {last}",
        "Cloud Storage answers within seconds.",
        "Check the connection (and STORAGE_EMULATOR_HOST, if it is set), then resume the run: what is committed stays.",
    )


def no_credentials(error: Exception) -> StoreError:
    """Return the error for a machine without credentials, or with a key file that isn't one."""
    return StoreError(
        f"There are no credentials for Google Cloud: {_first_sentence(error)}",
        "A person logs in once; a server has an account of its own, or a key file.",
        "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file.",
    )


def stale_credentials(error: Exception) -> StoreError:
    """Return the error for credentials that Google doesn't renew any more."""
    return StoreError(
        f"The credentials for Google Cloud can't be renewed: {_first_sentence(error)}",
        "Credentials stay valid until they are revoked or their time is up.",
        "Run `gcloud auth application-default login` again, or set GOOGLE_APPLICATION_CREDENTIALS to a valid key file.",
    )


def lost_upload(address: Address, what: str) -> StoreError:
    """Return the error for an upload in chunks of which Cloud Storage knows nothing any more."""
    return StoreError(
        f"Can't {what} in {address.url}: Cloud Storage lost the upload before its end.",
        "An upload in chunks is kept for a week.",
        "Resume the run: the step's value is written again.",
    )


def unusable_endpoint(root: str, error: Exception) -> StoreError:
    """Return the error for an endpoint that isn't a URL."""
    return StoreError(
        f"Cloud Storage can't be asked at {root!r}: {_first_sentence(error)}",
        "STORAGE_EMULATOR_HOST is the URL of a local stand-in, such as http://127.0.0.1:4443.",
        "Correct it, or unset it to use Google's own.",
    )


def quoted(body: bytes) -> str:
    """Return Google's message in the body of an error, at most 300 characters of it."""
    text = body.decode("utf-8", "replace").strip()
    with contextlib.suppress(ValueError, KeyError, TypeError):
        text = str(json.loads(text)["error"]["message"])
    text = " ".join(text.split())
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…"


def _first_sentence(error: Exception) -> str:
    text = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
    return f"{text or type(error).__name__}."
