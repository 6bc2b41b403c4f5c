"""The nearest name for a mistyped one, in the command's own words."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from pplns.model.names import nearest


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean 'x'?" for the known name nearest to a mistyped one, or nothing if none is near."""
    close = nearest(name, known)
    return f"Did you mean {close!r}?" if close else ""


if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    TextType = click.ParamType[str]
else:
    TextType = click.ParamType  # generic only since click 8.4


class NearChoice(TextType):
    """One of a few values; its refusal names the nearest one and lists the others."""

    name = "choice"

    def __init__(self, choices: Sequence[str]) -> None:
        self.choices = tuple(choices)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value if it is one of the choices."""
        if value in self.choices:
            return value
        refusal = f"{value!r} is none of {', '.join(self.choices)}. {did_you_mean(value, self.choices)}"
        return self.fail(refusal.strip(), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list["CompletionItem"]:
        """Return the choices that begin with what is typed."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(choice) for choice in self.choices if choice.startswith(incomplete)]
