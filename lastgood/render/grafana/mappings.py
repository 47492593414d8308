"""What a state looks like, once for every panel: a word and a colour, never a colour alone.

The colours are Okabe and Ito's ("Color Universal Design", 2008), which people with any kind of colour vision can tell
apart; OK is blue, since green beside vermilion is what most of them cannot. WARNING is their yellow and not their
orange: Grafana writes white on the orange, which nobody reads, and black on the yellow. UNKNOWN is their purple,
darker.

Panels do not show `backup_verdict`'s numbers but `rank`'s, 0 excluded to 4 critical: higher is worse, so that PromQL's
`max` is the worst of several and the worst of a day.
"""

from __future__ import annotations

from typing import Any

from lastgood.judging.base import State, rank

Json = dict[str, Any]

EXCLUDED, OK, WARNING, UNKNOWN, CRITICAL = (
    rank(state) for state in (State.EXCLUDED, State.OK, State.WARNING, State.UNKNOWN, State.CRITICAL)
)
COLORS = {
    CRITICAL: "#D55E00",
    UNKNOWN: "#9C4F7F",
    WARNING: "#F0E442",
    OK: "#0072B2",
    EXCLUDED: "#5A6675",
}
WORDS = {
    CRITICAL: "CRITICAL",
    UNKNOWN: "UNKNOWN",
    WARNING: "WARNING",
    OK: "OK",
    EXCLUDED: "EXCLUDED",
}
NO_DATA, NO_DATA_COLOR = "NO DATA", "#B8BEC6"
# A number that says nothing good or bad.
NEUTRAL = "#3B444D"
# A fact that many a product does not tell.
UNTOLD = ("\u2013", NEUTRAL)


def _special(index: int, word: str, color: str) -> Json:
    """An answer without a number: the query ran, and nobody could tell."""
    shown = {"text": word, "color": color, "index": index}
    return {"type": "special", "options": {"match": "null+nan", "result": shown}}


def _values(words: dict[int, tuple[str, str]], without: tuple[str, str] = (NO_DATA, NO_DATA_COLOR)) -> list[Json]:
    options = {
        str(value): {"text": word, "color": color, "index": index}
        for index, (value, (word, color)) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}, _special(len(words), *without)]


# The one mapping of every panel that shows a state.
STATES = _values({value: (WORDS[value], COLORS[value]) for value in COLORS})
# The results of a run, in the ranks of the states they stand for.
RESULTS = _values(
    {
        CRITICAL: ("FAILED", COLORS[CRITICAL]),
        UNKNOWN: ("NOT KNOWN", COLORS[UNKNOWN]),
        WARNING: ("WARNING", COLORS[WARNING]),
        OK: ("SUCCESS", COLORS[OK]),
    }
)
# Facts that are 1 or 0 and neither good nor bad by themselves.
YES_NO = _values({1: ("yes", NEUTRAL), 0: ("no", NEUTRAL)}, UNTOLD)
# Facts of which 0 is the bad news.
UP_DOWN = _values({1: ("yes", COLORS[OK]), 0: ("NO", COLORS[CRITICAL])})
# The same, where it is no loss yet.
ON_OFF = _values({1: ("yes", COLORS[OK]), 0: ("NO", COLORS[WARNING])}, UNTOLD)
# Facts of which 1 is the bad news.
BAD_GOOD = _values({1: ("YES", COLORS[WARNING]), 0: ("no", COLORS[OK])}, UNTOLD)
# For cells with thresholds: without a number they would have the colour of the lowest, which is the best.
NO_NUMBER = [_special(0, *UNTOLD)]
# A repository that does not grow, or whose growth is not known long enough, has no date.
NO_FORECAST = _values({-1: ("NO FORECAST", NEUTRAL)})
# A system that was never read has no age.
NEVER_READ = _values({-1: ("never read", COLORS[CRITICAL])})


def zero(word: str) -> list[Json]:
    """For lists of what is late: the 0 that stands for an empty list says so in words."""
    return _values({0: (word, COLORS[OK])})


def steps(color: str, above: float = 1.0) -> Json:
    """Thresholds of a count: neutral up to `above`, then the colour of the state that is counted."""
    return {"mode": "absolute", "steps": [{"color": NEUTRAL, "value": None}, {"color": color, "value": above}]}


def plain(color: str = NEUTRAL) -> Json:
    """No thresholds: one colour, which says nothing."""
    return {"mode": "absolute", "steps": [{"color": color, "value": None}]}


def relative(warning: float = 0.9, critical: float = 1.0) -> Json:
    """Thresholds of a share of an objective: each series was divided by its own."""
    return {
        "mode": "absolute",
        "steps": [
            {"color": COLORS[OK], "value": None},
            {"color": COLORS[WARNING], "value": warning},
            {"color": COLORS[CRITICAL], "value": critical},
        ],
    }
