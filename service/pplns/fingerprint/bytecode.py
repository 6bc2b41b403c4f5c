"""Functions without source: made by `exec`, or typed at a prompt.

Their bytecode stands for them, which holds for one version of Python only."""

from types import CodeType, FunctionType

from pplns.fingerprint.syntax import digest_text
from pplns.fingerprint.units import Unit
from pplns.fingerprint.values import encode_value


def encode_bytecode(function: FunctionType) -> Unit:
    """Return a function's code, and what its names stand for in memory."""
    code = function.__code__
    known = function.__globals__
    reached = [encode_value(known[name], name) for name in _names_in(code) if name in known]
    return Unit.joined(f"bytecode {_digest_of(code)}", reached)


def _names_in(code: CodeType) -> list[str]:
    inner = [name for constant in code.co_consts if isinstance(constant, CodeType) for name in _names_in(constant)]
    names = [name for name in (*code.co_names, *inner) if not name.startswith("__")]
    return list(dict.fromkeys(names))


def _digest_of(code: CodeType) -> str:
    constants = [
        _digest_of(one) if isinstance(one, CodeType) else encode_value(one, code.co_name).text for one in code.co_consts
    ]
    names = [" ".join(names) for names in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)]
    return digest_text(code.co_code.hex(), str(code.co_flags), *names, *constants)
