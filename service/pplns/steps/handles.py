"""Handles: what a step's call gives inside a pipeline function, before anything has run.

A handle stands for a value that doesn't exist yet. It may be passed to steps, alone or inside tuples, lists and
dicts, returned, and unpacked where the step has several outputs. All else is refused with what to do."""

from __future__ import annotations

from collections.abc import Iterator

from pplns.errors import DefinitionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Never

_EXPECTED = "Inside a pipeline function steps are only connected; their values exist once the run has computed them."


class Handle:
    """The future output of one call of a step; `output` is the place in a step's several outputs, or None for all."""

    __slots__ = ("_pplns_graph", "_pplns_output", "_pplns_outputs", "_pplns_step")

    def __init__(self, graph: object, step: str, *, outputs: int | None = None, output: int | None = None) -> None:
        keep = object.__setattr__  # past our own, which refuses
        keep(self, "_pplns_graph", graph)
        keep(self, "_pplns_step", step)
        keep(self, "_pplns_outputs", outputs)
        keep(self, "_pplns_output", output)

    def __repr__(self) -> str:
        place = "" if self._pplns_output is None else f"[{self._pplns_output}]"
        return f"<output of step {self._pplns_step!r}{place}>"

    def __iter__(self) -> Iterator[Handle]:
        if self._pplns_outputs is None or self._pplns_output is not None:
            self._refuse(
                "was looped over or unpacked",
                "Loop inside a step; to unpack several values annotate the step `-> tuple[A, B]` or declare"
                " `@step(outputs=2)`.",
            )
        graph, step, outputs = self._pplns_graph, self._pplns_step, self._pplns_outputs
        return iter([Handle(graph, step, outputs=outputs, output=place) for place in range(outputs)])

    def __len__(self) -> int:
        if self._pplns_outputs is None or self._pplns_output is not None:
            self._refuse("was used with len()", "Compute inside a step that takes this output.")
        return self._pplns_outputs  # list(), tuple() and f(*handle) ask for it before they unpack

    def __bool__(self) -> bool:  # noqa: PLE0304 - it returns never
        self._refuse(
            "was tested for truth (`if`, `while`, `and`, `or`, `not`)",
            "Decide inside a step, or on a parameter of the pipeline.",
        )

    def __getattr__(self, name: str) -> Never:
        if name.startswith("__") and name.endswith("__"):  # copy, inspect and debuggers probe for these
            raise AttributeError(name)
        self._refuse(f"was asked for its attribute {name!r}", "Use the attribute inside a step that takes this output.")

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.__slots__:
            self._refuse(f"had its attribute {name!r} set", "Change the value inside a step that takes this output.")
        object.__setattr__(self, name, value)

    def __getitem__(self, key: object) -> Never:
        self._refuse(
            f"was indexed with {key!r}",
            "Index inside a step; to name several outputs unpack them: `a, b = step(…)`.",
        )

    def __format__(self, spec: str) -> str:
        self._refuse("was formatted into text", "Build the text inside a step that takes this output.")

    def __str__(self) -> str:
        return self.__format__("")

    def __call__(self, *args: object, **kwargs: object) -> Never:
        """Refuse: a handle is a value to come, not a function."""
        self._refuse(
            "was called",
            'Options come before the call: `publish.after(y)(x)`, `clean.named("clean_returns")(x)`.',
        )

    def __hash__(self) -> int:
        return object.__hash__(self)

    def _refuse(self, what: str, remedy: str) -> Never:
        raise DefinitionError(f"The output of step {self._pplns_step!r} {what}.", _EXPECTED, remedy)


def _refuse_operator(operator: str) -> Any:
    def refuse(self: Handle, *_: object) -> Never:
        self._refuse(  # pyright: ignore[reportPrivateUsage]
            f"was used with {operator}", "Compute inside a step that takes this output."
        )

    return refuse


_OPERATORS = {
    "+": ("add", "radd", "iadd", "pos"), "-": ("sub", "rsub", "isub", "neg"), "*": ("mul", "rmul", "imul"),
    "/": ("truediv", "rtruediv"), "//": ("floordiv", "rfloordiv"), "%": ("mod", "rmod"), "**": ("pow", "rpow"),
    "@": ("matmul", "rmatmul"), "&": ("and", "rand"), "|": ("or", "ror"), "^": ("xor", "rxor"), "~": ("invert",),
    "<<": ("lshift", "rlshift"), ">>": ("rshift", "rrshift"), "==": ("eq",), "!=": ("ne",), "<": ("lt",),
    "<=": ("le",), ">": ("gt",), ">=": ("ge",), "in": ("contains",), "abs()": ("abs",),
    "int()": ("int", "index"), "float()": ("float",), "complex()": ("complex",), "bytes()": ("bytes",),
    "a path": ("fspath",), "round()": ("round", "trunc", "floor", "ceil"), "divmod()": ("divmod", "rdivmod"),
    "next()": ("next",), "reversed()": ("reversed",), "item assignment": ("setitem", "delitem"),
    "await": ("await",), "with": ("enter", "exit"), "async for": ("aiter",), "async with": ("aenter", "aexit"),
}  # fmt: skip
for _operator, _names in _OPERATORS.items():
    for _name in _names:
        setattr(Handle, f"__{_name}__", _refuse_operator(_operator))


def source_of(handle: Handle) -> tuple[object, str, int | None]:
    """Return the graph that a handle belongs to, the name of its step, and the place of the output or None for all."""
    return handle._pplns_graph, handle._pplns_step, handle._pplns_output  # pyright: ignore[reportPrivateUsage]
