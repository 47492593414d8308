"""Globs and /regexes/ of the policy: compiled, bounded in cost, and compared for "can this rule ever be reached".

`name`, `job`, `folder`, `tag` and `kind` are compared without regard to case, because people type them; `id`,
`system`, `source`, `tenant` and `tenant_path` exactly, because machines wrote them.
"""

from __future__ import annotations

import fnmatch
import re

from lastgood.policy import Match, Pattern

FREE_CASE = frozenset({"name", "job", "folder", "tag", "kind"})
MAX_LENGTH = 200
MAX_REPEATS = 3

_WILD = re.compile(r"[*?\[]")


def compile_pattern(text: str, key: str) -> Pattern:
    """The pattern of one match value. Raises ValueError, `message; remedy`, when it cannot be used."""
    flags = re.IGNORECASE if key in FREE_CASE else re.NOFLAG
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the pattern is longer than {MAX_LENGTH} characters; split it into a list of patterns")
    if not _is_regex(text):
        return Pattern(text, re.compile(fnmatch.translate(text), flags))
    return Pattern(text, _regex(text[1:-1], flags, MAX_REPEATS))


def literal(text: str, key: str) -> Pattern:
    """A pattern that matches exactly this text, wildcards included."""
    return Pattern(text, re.compile(re.escape(text), re.IGNORECASE if key in FREE_CASE else re.NOFLAG))


def inside(text: str) -> Pattern:
    """A pattern found anywhere in a vendor's message, without regard to case. Raises ValueError as above."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the pattern is longer than {MAX_LENGTH} characters; shorten it")
    # One repeat fewer: the two around the pattern add to its cost.
    inner = _regex(text[1:-1], re.IGNORECASE, MAX_REPEATS - 1).pattern if _is_regex(text) else fnmatch.translate(text)
    inner = inner.removesuffix(r"\Z")
    return Pattern(text, re.compile(f"(?s:.*)(?:{inner})(?s:.*)", re.IGNORECASE))


def is_literal(text: str) -> bool:
    """True when the pattern names one text only."""
    return not _is_regex(text) and _WILD.search(text) is None


def covers(general: Match, specific: Match) -> bool:
    """True when every subject that `specific` matches is surely matched by `general`; False when not decidable."""
    return all(
        key in specific.keys and all(any(_covers(g, s) for g in patterns) for s in specific.keys[key])
        for key, patterns in general.keys.items()
    )


def _is_regex(text: str) -> bool:
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


def _covers(general: Pattern, specific: Pattern) -> bool:
    if general.text == specific.text or general.text == "*":
        return True
    if is_literal(specific.text):
        return general.matches(specific.text)
    if _is_regex(general.text) or _is_regex(specific.text) or not general.text.endswith("*"):
        return False
    # "sql-*" covers "sql-prod-*": what stands before the first wildcard already decides.
    head = _WILD.split(specific.text, maxsplit=1)[0]
    return is_literal(general.text[:-1]) and general.matches(head)


def _regex(body: str, flags: re.RegexFlag, repeats: int) -> re.Pattern[str]:
    try:
        compiled = re.compile(body, flags)
    except (re.error, OverflowError) as error:
        position = getattr(error, "pos", None)
        where = f" at character {position + 1}" if position is not None else ""
        raise ValueError(f"the regex does not compile{where}: {getattr(error, 'msg', error)}; mend it") from None
    _refuse_costly(body, repeats)
    return compiled


def _refuse_costly(body: str, most: int) -> None:
    """Raises ValueError where matching could take exponential time, or polynomial of a high degree.

    Length caps alone do not help: (a+)+b against thirty a's already runs for minutes.
    """
    groups = [False]  # per open group: does it hold a repeat or an alternative?
    repeats = 0
    closed_risky = False
    for token in re.finditer(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{[0-9]*,[0-9]*\}|\{[0-9]+\}|.", body, re.DOTALL):
        word = token.group()
        if word in ("*", "+") or (word.startswith("{") and len(word) > 1):
            repeats += 1
            if closed_risky:
                raise ValueError("a repeated group holds a repeat or an alternative; write it without nesting")
            groups[-1] = True
        closed_risky = False
        if word == "(":
            groups.append(False)
        elif word == ")" and len(groups) > 1:
            closed_risky = groups.pop()
            groups[-1] = groups[-1] or closed_risky
        elif word == "|":
            groups[-1] = True
        elif re.fullmatch(r"\\[1-9]", word):
            raise ValueError("references to groups are not read; write the text out")
    if repeats > most:
        raise ValueError(f"more than {most} repeats (* + {{n}}) in one regex; split it into a list of patterns")
