"""The status board's page: safe to open, legible for every eye, small."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from exporters import board
from exporters.api_query import Answers
from lastgood.model import Component, Repository, Result
from lastgood.verdict import Judgement
from tests.board_estates import DAY, HOUR, NOW, calm, job, judged, run, system, troubled, workload
from tests.board_reader import Reader, built, rendered, text

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'--></title></style><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% include 'x' %}",
    "evil\u202egnp.exe",
    "half\ud800surrogate\x00\x1b[31m",
    "&lt;b&gt; &amp; co",
    "x" * 5000,
)


# --- safe to open ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_text(name: str) -> None:
    """In every place a name can stand: workload, job, repository, system, tier rule, error, exclusion."""
    # The same first letter and length, so that both pages have the same order and room for as many rows.
    plain = rendered(hostile(name[0] + "p" * (len(name) - 1)))
    page = rendered(hostile(name))
    page.encode("utf-8")
    assert [e[0] for e in Reader(page).elements] == [e[0] for e in Reader(plain).elements]
    for _, attrs in Reader(page).elements:
        assert not [key for key in attrs if key.startswith("on") or key == "style"]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", page)
    assert name[:20].split("\u202e")[0].split("\ud800")[0] in Reader(page).text


def hostile(name: str) -> Judgement:
    bad = replace(job("nightly", name), enabled=False)
    held = system(
        name,
        (workload(name, 90 * HOUR), workload("test-" + name), workload("sql-" + name, None, job=None)),
        jobs=(bad,),
        runs={"nightly": (run("nightly", 10 * HOUR, Result.FAILED, name),)},
        repositories=(Repository(id="r", name=name, online=False, capacity_bytes=10, free_bytes=1),),
        components=(Component(id="c", name=name, kind=name, up=False),),
        product=name,
    )
    return judged(held, system("zz" + name, (workload("branch"),), read=9 * HOUR, error=name))


def test_the_policy_of_the_page_allows_exactly_its_own_style_and_script() -> None:
    page = rendered(troubled())
    for tag in ("style", "script"):
        texts = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", page, re.DOTALL)
        assert len(texts) == 1
        digest = base64.b64encode(hashlib.sha256(texts[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in board.CSP
    assert board.CSP.startswith("default-src 'none'; ")
    assert "unsafe" not in board.CSP


def test_the_page_needs_nothing_from_elsewhere() -> None:
    reader = Reader(rendered(troubled()))
    for tag, attrs in reader.elements:
        assert tag not in ("img", "iframe", "object", "embed", "form", "base", "audio", "video")
        for key in ("src", "srcset", "href", "xlink:href", "action"):
            target = attrs.get(key)
            assert target is None or target.startswith(("#", "data:image/svg+xml,", "api/v1/")), (tag, target)
    assert not re.search(r"url\(|@import", rendered(troubled()))


def test_links_speak_the_language_of_the_api() -> None:
    links = {attrs["href"] or "" for attrs in Reader(rendered(troubled())).all("a")}
    queries = [dict(parse_qsl(urlsplit(link).query)) for link in links if "?" in link]
    assert {"verdict": "WARNING"} in queries
    for query in queries:
        answer = Answers(troubled()).answer("verdicts", query)
        assert answer["items"]


def test_it_refreshes_and_shows_its_age_without_a_script() -> None:
    page = rendered(troubled())
    assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in page
    assert re.search(r"\.alarm \{[^}]*animation: old 1ms linear 95s forwards", page)
    assert "THIS PAGE IS OLD" in Reader(page).text


def test_every_time_is_machine_readable() -> None:
    times = [attrs.get("datetime") or "" for attrs in Reader(rendered(troubled())).all("time")]
    assert len(times) > 20
    assert all(datetime.fromisoformat(at).utcoffset() == timedelta(0) for at in times)


# --- for every eye ---------------------------------------------------------------------------------------------------


def test_no_verdict_is_told_by_colour_alone() -> None:
    """Wherever a verdict's colour is used in a headline, list or table, its word or its count's word stands with it."""
    page = rendered(troubled())
    for tile in re.findall(r'<div class="tile .*?</div>', page, re.DOTALL):
        state = re.search(r"s-([A-Z]+)", tile)
        assert state is not None
        assert f"#i-{state[1]}" in tile
        assert state[1] in Reader(tile).text
    for row in re.findall(r'<li class="row">.*?</li>', page, re.DOTALL):
        state = re.search(r"s-([A-Z]+)", row)
        assert state is not None
        assert state[1] in Reader(row).text
    shapes = dict(re.findall(r'<symbol id="i-([A-Z]+)"[^>]*>(.*?)</symbol>', page))
    assert {"CRITICAL", "UNKNOWN", "WARNING", "OK", "EXCLUDED"} <= shapes.keys()
    assert len(set(shapes.values())) == len(shapes)


def luminance(colour: str) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    digits = colour * 2 if len(colour) == 3 else colour
    red, green, blue = (linear(int(digits[i : i + 2], 16) / 255) for i in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_text_has_a_contrast_of_seven_in_every_theme() -> None:
    themes = re.findall(r":root \{(.*?)\}", rendered(calm()), re.DOTALL)
    assert len(themes) == 3
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): #([0-9a-f]+)", theme))
        states = [colours[state] for state in ("CRITICAL", "UNKNOWN", "WARNING", "OK", "EXCLUDED")]
        for ground in (colours["bg"], colours["panel"]):
            for ink in (*states, colours["text"], colours["soft"]):
                assert contrast(ink, ground) >= 7, (ink, ground)
    dark, light = (dict(re.findall(r"--(\w+): #([0-9a-f]+)", theme)) for theme in themes[:2])
    for theme_colours in (dark, light):
        for state in ("CRITICAL", "UNKNOWN"):
            assert contrast(theme_colours["ink"], theme_colours[state]) >= 7


def test_it_has_landmarks_and_table_headers() -> None:
    reader = Reader(rendered(troubled()))
    tags = [tag for tag, _ in reader.elements]
    assert [tags.count(tag) for tag in ("main", "header", "footer", "h1")] == [1, 1, 1, 1]
    ids = [attrs["id"] for _, attrs in reader.elements if attrs.get("id")]
    assert len(ids) == len(set(ids))
    for attrs in reader.all("section"):
        assert attrs.get("aria-label") or attrs.get("aria-labelledby") in ids
    assert all(attrs.get("scope") for attrs in reader.all("th"))
    assert next(reader.all("html"))["lang"] == "en"


# --- size ------------------------------------------------------------------------------------------------------------


def test_a_large_estate_stays_a_small_page() -> None:
    """Every workload late for a reason of its own, with names and messages as long as they come."""
    several = [
        system(
            f"s{n}",
            tuple(workload(f"{n}-{i}-" + "ü" * 200, timedelta(hours=20 + i % 40), job=f"j{i}") for i in range(300)),
            jobs=tuple(job(f"j{i}", f"{i} " + "<&>" * 80) for i in range(300)),
            runs={f"j{i}": (run(f"j{i}", 15 * HOUR, Result.FAILED, "&" * 900),) for i in range(300)},
            repositories=tuple(
                Repository(id=f"r{i}", name="&" * 200, capacity_bytes=100, free_bytes=i % 100) for i in range(20)
            ),
            read=timedelta(minutes=n),
            error="&" * 900,
        )
        for n in range(10)
    ]
    data = built(judged(*several))
    assert data.workloads == 3000
    assert len(board.render(data).encode()) < 200_000
    shown = sum(len(lines) for group in data.breaches for _, lines in group.systems)
    assert sum(group.total for group in data.breaches) == shown + sum(group.more for group in data.breaches)


def test_the_same_judgement_gives_the_same_page() -> None:
    assert rendered(troubled()) == rendered(troubled())


def test_observe_mode_is_said_until_it_ends() -> None:
    assert "nobody is paged" in text(judged(system("hq", (workload("a"),)), observe_until=NOW + DAY))
    assert "nobody is paged" not in text(judged(system("hq", (workload("a"),)), observe_until=NOW - DAY))
