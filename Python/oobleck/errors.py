"""The one error type of the package."""

from __future__ import annotations

from collections.abc import Iterable

_LISTED_NAMES = 5


class ImportProblem(Exception):
    """Something about the input is wrong. The text is one line: what, which value, what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def listed(names: Iterable[str]) -> str:
    """The first five names, then how many more there are."""
    names = list(names)
    text = ", ".join(names[:_LISTED_NAMES])
    rest = len(names) - _LISTED_NAMES
    return f"{text} and {rest} more" if rest > 0 else text


def first_line(error: BaseException) -> str:
    """What an error says in its first line, with its type where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def counted(number: int, noun: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
