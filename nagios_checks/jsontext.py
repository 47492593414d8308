"""JSON read by the standard library's own scanner: `json` around it brings `re` and `enum`, 5 ms of a check.

Stricter than `json`: NaN and Infinity are no numbers, and a key stands only once in an object.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_SPACE = " \t\n\r"


def decoded(text: str) -> Any:
    """The value that a text is. Raises ValueError, or RecursionError where it is nested too deeply."""
    begun = text.lstrip(_SPACE)
    try:
        value, end = _scanner()(begun, 0)
    except StopIteration as nothing:
        raise ValueError(f"no value at place {nothing.value + len(text) - len(begun)}") from None
    if begun[end:].strip(_SPACE):
        raise ValueError(f"more follows after its end at place {end + len(text) - len(begun)}")
    return value


def _scanner() -> Callable[[str, int], tuple[Any, int]]:
    try:
        from _json import make_scanner

        return make_scanner(_Rules)  # type: ignore[arg-type]  # it reads these attributes of whatever holds them
    except (ImportError, AttributeError, TypeError):
        # A Python that has no such part, or whose part asks for more.
        from json import JSONDecoder

        return JSONDecoder(object_pairs_hook=_object, parse_constant=_constant).raw_decode


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key comes twice")
    return made


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


class _Rules:
    """What json.JSONDecoder would tell the scanner."""

    strict = True
    object_hook = None
    object_pairs_hook = _object
    parse_float = float
    parse_int = int
    parse_constant = _constant
