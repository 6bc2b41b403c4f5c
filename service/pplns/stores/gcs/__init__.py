"""The Cloud Storage store: `gs://BUCKET/PREFIX`, for runs whose containers share nothing else.

    store      what the engine asks for, as the protocol says it
    addresses  the URL, and the bucket and names that it stands for
    calls      one request, again until it is answered or its time is up
    sessions   credentials, the endpoint, the pool of connections
    writes     objects written in one request, each with a precondition and the token of its writer
    uploads    objects written in chunks, as their bytes are made
    downloads  objects read in parts, side by side
    patience   how long a call waits, and how long between two tries
    refusals   what went wrong, in three parts

It speaks the JSON API through google-auth's session, not google-cloud-storage (docs/decisions/0009): a lease needs the
`Date` of an answer, a write has to know whether an earlier try of it may have landed, and nothing may be published by
a `with` block that failed."""

from pplns.stores.gcs.store import GcsStore

__all__ = ["GcsStore"]
