"""A vendor's JSON answer as a typed value: counted before it is decoded, and one broken name costs no list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from exporters.http import Answer
from exporters.http_body import mended
from lastgood.errors import BadAnswer, LimitExceeded

# Far above what a page of 1,000 rows holds. A decoded object takes 30 times the bytes that tell of it: JSON may be a
# bomb, too.
MOST_OBJECTS: Final = 250_000

ReadT = TypeVar("ReadT")


def read_json(
    system: str, path: str, answer: Answer, read: Callable[[bytes], ReadT], *, misfit: str, foreign: str
) -> ReadT:
    """What `read` (a msgspec decoder) makes of the answer's body.

    Raises LimitExceeded for too many objects and BadAnswer for what cannot be read; its remedy is `misfit` where the
    document is JSON of another shape, `foreign` where it is no JSON at all, as a proxy or a web page answers.
    """
    # With its comma an object takes three bytes: most answers are too small to need counting.
    if len(answer.body) > 3 * MOST_OBJECTS and answer.body.count(b"{") > MOST_OBJECTS:
        raise LimitExceeded(system, path, f"more than {MOST_OBJECTS} objects in one answer")
    try:
        try:
            return read(answer.body)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError):
            return read(mended(answer.body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # The error's text names the place in the document, not its content.
        if isinstance(error, msgspec.ValidationError):
            wrong, remedy = str(error)[:200], misfit
        else:
            wrong, remedy = "not the JSON document expected", foreign
        raise BadAnswer(system, path, wrong, status=answer.status, remedy=remedy) from None
