"""Words of a check: ASCII without a pipe, on one line, short enough for a pager."""

from __future__ import annotations

from time import gmtime

# A name or a reason may be 100,000 characters long; a pager shows some hundred.
NAME, REASON, LINE = 60, 160, 400
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SIZES = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def plain(text: str, most: int = REASON) -> str:
    """`text` as printable ASCII on one line, cut to `most` characters.

    Nagios 4.4's JSON interface gives an empty text for one with any other character, and a pipe begins the performance
    data. Accents are dropped, other scripts become `?`.
    """
    # Cut before anything is done to it: the longest name may cost no more than a long one.
    text = text[: 4 * most]
    if not (text.isascii() and text.isprintable()):
        from unicodedata import combining, normalize  # only where it is needed

        text = "".join(c for c in normalize("NFKD", text) if not combining(c))
        text = "".join(c if " " <= c <= "~" else " " if c.isspace() else "?" for c in text)
    text = " ".join(text.replace("|", "/").split())
    return text if len(text) <= most else f"{text[: most - 3].rstrip()}..."


def span(seconds: float) -> str:
    """A duration as short as a pager wants it: `30h`, `2d4h`, `12m`; hours up to two days."""
    left, sign = round(abs(seconds)), "-" if seconds <= -0.5 else ""
    if 86400 < left < 2 * 86400:
        return f"{sign}{left // 3600}h"
    for number, (unit, size) in enumerate(_SIZES):
        if left >= size:
            count, rest = divmod(left, size)
            below = _SIZES[number + 1] if unit in "dh" else None
            small = rest // below[1] if below else 0
            return f"{sign}{count}{unit}{small}{below[0]}" if small and below else f"{sign}{count}{unit}"
    return "0s"


def moment(at: float, now: float) -> str:
    """A time for people: `22 Nov 14:00Z`, with its year where that is not told by being near `now`."""
    told = gmtime(at)
    year = "" if abs(now - at) < 300 * 86400 else f" {told.tm_year}"
    return f"{told.tm_mday} {_MONTHS[told.tm_mon - 1]}{year} {told.tm_hour:02}:{told.tm_min:02}Z"


def few(things: list[str], most: int = 4) -> str:
    """The first of some things, and how many more there are: `a, b (+3)`."""
    more = len(things) - most
    return ", ".join(things[:most]) + (f" (+{more})" if more > 0 else "")
