"""The code digest of a step: what decides, on resume, whether a step has changed and runs again.

A digest covers the step's own source and every function, class and constant of the project that it reaches by name.
It is the same on Python 3.11 to 3.14 and on every system."""

from pplns.fingerprint.digests import CodeDigests, digest_constant

__all__ = ["CodeDigests", "digest_constant"]
