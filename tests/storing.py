"""Through the store and back, without a store: what every codec has to survive."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from pplns.codecs import Held, hold, restore
from pplns.model.artifact import StoredValue

if TYPE_CHECKING:
    from pplns.codecs.held import Compression


def held_and_restored(value: Any, **options: Any) -> tuple[Held, Held]:
    """Return a value held, and held again after its bytes have been written and read."""
    held = hold(value, where="Step 'make'", **options)
    return held, restored(held)


def restored(held: Held) -> Held:
    """Return what another process makes of a held value, from bytes that can't be written to."""
    if held.inline_bytes is not None:
        return restore(stored_value(held, inline=json.loads(held.inline_bytes)), None)
    data = memoryview(artifact_of(held))
    return restore(stored_value(held, artifact="artifacts/make@1.a"), data)


def streamed(value: Any, **options: Any) -> Held:
    """Return a value that can be read only once as its consumers get it: from its artifact."""
    held = hold(value, where="Step 'make'", **options)
    assert held.is_streamed
    return restored(held)


def artifact_of(held: Held, *, compression: Compression = None) -> bytes:
    """Return the bytes that a held value writes."""
    sink = io.BytesIO()
    held.write(sink, compression=compression)
    return sink.getvalue()


def stored_value(held: Held, **where: Any) -> StoredValue:
    """Return the record of a held value, as its commit would keep it."""
    meta = None if held.meta is None else json.loads(json.dumps(dict(held.meta)))
    return StoredValue(
        codec=held.codec, digest="", size_bytes=0, meta=meta, rows=held.rows, columns=held.columns, **where
    )
