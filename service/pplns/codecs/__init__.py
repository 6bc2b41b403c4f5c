"""How a value of a step is stored and how its consumers get it back.

`hold` takes a value as the step returned it: from then on nothing that anyone does to it changes what is stored or
handed out. A held value writes itself to its artifact (or offers the JSON that goes into the commit) and hands each
consumer a private value. `restore` makes the same from what was stored. Nothing is pickled; what has no format that
gives it back equal, types included, is refused by name when it is held.

Tables larger than memory are streams: an iterator of tables, a pyarrow reader or dataset, a `File`. They are written
before anybody has them, and each consumer reads them from the artifact. `register_type` adds types of the user's."""

from pplns.codecs.held import INLINE_LIMIT_BYTES, Artifact, Held, Sink, SourceFailed
from pplns.codecs.holding import hold, restore
from pplns.codecs.natural import plain
from pplns.codecs.registry import register_type

__all__ = [
    "INLINE_LIMIT_BYTES",
    "Artifact",
    "Held",
    "Sink",
    "SourceFailed",
    "hold",
    "plain",
    "register_type",
    "restore",
]
