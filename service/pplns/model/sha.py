"""SHA-256 from the interpreter itself. hashlib loads OpenSSL before it hands out anything: 3 ms of each start."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256  # Python 3.11
        except ImportError:  # an interpreter that was built without its own
            from hashlib import sha256

__all__ = ["sha256"]
