"""Secrets stay in; labels come out safe."""

import base64
import copy
import dataclasses
import html
import io
import json
import logging
import pickle
import unicodedata
from urllib.parse import quote, quote_plus, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.redact import REDACTED, RedactingFilter, Redactor, Secret, one_line, sanitise_label

VALUE = 'p&ss w0rd/+"%é\\'


@dataclasses.dataclass(frozen=True)
class Settings:
    name: str
    password: Secret


# --- Secret ----------------------------------------------------------------------------------------------------------


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret(VALUE, "file password")
    settings = Settings("vbr", secret)
    shown = [
        repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!a}", "%s %r" % (secret, secret),  # noqa: UP031
        repr(settings), repr(dataclasses.asdict(settings)), repr([secret]), repr(dir(secret)),
        json.dumps(dataclasses.asdict(settings), default=str), repr(secret.__doc__),
    ]  # fmt: skip
    assert not any(VALUE in text or repr(VALUE)[1:-1] in text for text in shown)
    assert secret.reveal() == VALUE
    assert "file password" in repr(secret)
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_not_serialised() -> None:
    """Better no password than a wrong one: that would lock the account."""
    secret = Secret(VALUE, "test")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(Settings("vbr", secret), protocol)
    for encode in (json.dumps, msgspec.json.encode, msgspec.to_builtins):
        with pytest.raises(TypeError):
            encode(secret)  # type: ignore[operator]
    with pytest.raises(TypeError):
        secret.__getstate__()


def test_secrets_are_compared_and_copied() -> None:
    secret = Secret(VALUE, "a")
    assert secret == Secret(VALUE, "b") and hash(secret) == hash(Secret(VALUE, "b"))
    assert secret != Secret("other", "a") and secret != VALUE
    assert copy.copy(secret) is secret and copy.deepcopy(secret) is secret
    assert dataclasses.asdict(Settings("x", secret))["password"] is secret


# --- Redactor --------------------------------------------------------------------------------------------------------

CARRIERS = {
    "plain": lambda v: v,
    "url": lambda v: quote(v, safe=""),
    "url, slash kept": quote,
    "url, lower case": lambda v: quote(v, safe="").replace("%C3%A9", "%c3%a9").replace("%2F", "%2f"),
    "url twice": lambda v: quote(quote(v, safe=""), safe=""),
    "form": lambda v: urlencode({"password": v}),
    "plus": quote_plus,
    "json": lambda v: json.dumps({"p": v}),
    "json, utf-8": lambda v: json.dumps({"p": v}, ensure_ascii=False),
    "html": html.escape,
    "repr": repr,
    "hex": lambda v: v.encode().hex(),
}


@pytest.mark.parametrize("carry", CARRIERS.values(), ids=CARRIERS.keys())
def test_a_secret_is_found_in_every_form(carry: object) -> None:
    carried = carry(VALUE)  # type: ignore[operator]
    cleaned = Redactor([Secret(VALUE, "test")]).clean(f"before {carried} after")
    assert REDACTED in cleaned
    assert "w0rd" not in cleaned and VALUE.encode().hex()[4:20] not in cleaned
    assert cleaned.startswith("before ") and cleaned.endswith(" after")


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "domain\\user"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("tail", ["", "x", "xy"])
def test_a_secret_is_found_in_base64_at_any_alignment(user: str, encode: object, tail: str) -> None:
    value = "s3cret?>password~~"
    carried = encode(f"{user}:{value}{tail}".encode()).decode()  # type: ignore[operator]
    cleaned = Redactor([Secret(value, "test")]).clean(f"Authorization: Basic {carried}")
    assert REDACTED in cleaned
    rest = cleaned.removeprefix("Authorization: Basic ").replace(REDACTED, "")
    assert len(rest) < len(carried) - len(value)


def test_short_and_empty_secrets() -> None:
    assert Redactor([Secret("", "test")]).clean("all of this stays") == "all of this stays"
    assert Redactor([Secret("abc", "test")]).clean("xabcx") == f"x{REDACTED}x"
    assert Redactor().clean("text") == "text"


def test_the_longer_secret_goes_first_and_later_ones_count() -> None:
    redactor = Redactor([Secret("token", "a")])
    redactor.add(Secret("token-and-more", "b"))
    assert redactor.clean("token-and-more, token") == f"{REDACTED}, {REDACTED}"


def test_renewed_tokens_do_not_pile_up() -> None:
    redactor = Redactor([Secret("password-for-good", "file")], learnt=3)
    for n in range(50):
        redactor.add(Secret(f"token-{n:03}", "sign-in"))
    assert redactor.clean("password-for-good token-049 token-047") == f"{REDACTED} {REDACTED} {REDACTED}"
    assert redactor.clean("token-046") == "token-046"


# --- the log filter --------------------------------------------------------------------------------------------------


def _logger() -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s %(extra)s", defaults={"extra": ""}))
    handler.addFilter(RedactingFilter(Redactor([Secret(VALUE, "test"), Secret("t0ken-canary", "test")])))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    return logger, stream


def test_the_filter_cleans_message_arguments_extras_and_traceback() -> None:
    logger, stream = _logger()
    logger.info("message %s", "t0ken-canary")
    logger.info(f"inline {VALUE}")
    logger.info("mapping %(a)s", {"a": "t0ken-canary"})
    logger.info("object %s", ["t0ken-canary"], extra={"extra": "t0ken-canary"})
    logger.info("objects", extra={"extra": {"deep": ["t0ken-canary"]}})
    logger.info("bad %d format", "t0ken-canary")
    logger.info("stack t0ken-canary", stack_info=True)
    try:
        raise ValueError("t0ken-canary")
    except ValueError:
        logger.exception("failed")
    text = stream.getvalue()
    assert "t0ken-canary" not in text and VALUE not in text and "w0rd" not in text
    assert text.count(REDACTED) >= 9 and "ValueError" in text
    assert len(text.splitlines()) == 10  # logging's own formatter puts stack and traceback below


def test_no_raw_exception_is_left_for_another_handler() -> None:
    record = logging.makeLogRecord({"msg": "x", "exc_info": (ValueError, ValueError("t0ken-canary"), None)})
    assert RedactingFilter(Redactor([Secret("t0ken-canary", "test")])).filter(record)
    assert "t0ken-canary" not in repr(record.__dict__)
    assert f"ValueError: {REDACTED}" in (record.exc_text or "")


def test_one_event_is_one_line() -> None:
    logger, stream = _logger()
    logger.info("name %s", "a\nCRITICAL forged\r\x1b[2J\u2028\u202e\x85\ud800\x00b")
    text = stream.getvalue()
    assert len(text.splitlines()) == 1
    assert r"a\nCRITICAL forged\r\x1b[2J\u2028\u202e\x85\ud800\x00b" in text


@given(st.text(st.characters(codec=None)))
def test_one_line_is_one_line_and_can_be_written(text: str) -> None:
    line = one_line(text)
    line.encode("utf-8")
    assert len(line.splitlines()) <= 1


# --- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("sql-01", "sql-01"),
        ("Büro-München", "Büro-München"),
        ("Bu\u0308ro", "Büro"),
        ("東京 💾", "東京 💾"),
        ("", ""),
        ('a"b\\c{{d}}|;', 'a"b\\c{{d}}|;'),
        ("a\nb\rc\td\x00e\x1bf\x7fg\x85h", "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg\ufffdh"),
        ("\u202eevil\u2066\u200f\u061c", "\ufffdevil\ufffd\ufffd\ufffd"),
        ("a\u2028b\u2029c", "a\ufffdb\ufffdc"),
        ("vm\ud800x", "vm\ufffdx"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_labels(name: str, label: str) -> None:
    assert sanitise_label(name) == label


def test_a_long_name_is_cut_with_a_digest_that_stays_the_same() -> None:
    long = "v" * 100_000
    assert sanitise_label(long) == "v" * 243 + "~3ce6224db4de"
    assert sanitise_label(long + "x") != sanitise_label(long + "y")
    assert sanitise_label("é" * 200) == "é" * 121 + sanitise_label("é" * 200)[121:]
    assert len(sanitise_label("é" * 200).encode()) <= 256
    assert sanitise_label("v" * 256) == "v" * 256
    assert sanitise_label("b" * 40 + "\ud800", 32) != sanitise_label("b" * 40 + "\ud801", 32)


def test_nothing_is_not_a_label() -> None:
    for wrong in (None, 5, b"x"):
        with pytest.raises(TypeError):
            sanitise_label(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="32"):
        sanitise_label("x", 31)


@given(st.text(st.characters(codec=None), max_size=300), st.integers(32, 300))
def test_every_label_is_safe_short_and_settled(name: str, limit: int) -> None:
    label = sanitise_label(name, limit)
    assert len(label.encode("utf-8")) <= limit
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in label)
    assert not any(
        unicodedata.bidirectional(c) in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI") for c in label
    )
    assert unicodedata.is_normalized("NFC", label)
    assert sanitise_label(label, limit) == label
