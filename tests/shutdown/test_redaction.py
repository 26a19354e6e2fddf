"""Secrets are found in every spelling in which they travel."""

import base64
import json
from urllib.parse import quote, quote_plus, urlencode

from hypothesis import example, given, strategies as st
import pytest

from custom_components.omron_ups.shutdown.redaction import MAX_DETAIL, REDACTED, Redactor

SECRET = 'p/ä ss"w+=d'


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (SECRET, "**"),
        (quote(SECRET), "**"),
        (quote(SECRET, safe=""), "**"),
        (quote_plus(SECRET), "**"),
        (urlencode({"pwd": SECRET}), "pwd=**"),
        (json.dumps({"pwd": SECRET}), '{"pwd": "**"}'),
        (json.dumps({"pwd": SECRET}, ensure_ascii=False), '{"pwd": "**"}'),
        (base64.b64encode(SECRET.encode()).decode(), "**"),
    ],
)
def test_each_spelling_is_taken_out(text: str, redacted: str) -> None:
    assert Redactor([SECRET])(f"before {text} after") == f"before {redacted} after"


def test_empty_secrets_do_not_count() -> None:
    assert Redactor(["", SECRET])("nothing to hide") == "nothing to hide"
    assert Redactor()("nothing to hide") == "nothing to hide"


def test_the_longer_of_two_secrets_leaves_no_rest() -> None:
    assert Redactor(["abc", "abcdef"])("abcdef") == REDACTED


def test_a_secret_at_the_cut_does_not_show_its_first_half() -> None:
    said = "x" * (MAX_DETAIL - 4) + SECRET
    excerpt = Redactor([SECRET]).excerpt(said)
    assert len(excerpt) <= MAX_DETAIL
    assert SECRET[:3] not in excerpt


def test_an_excerpt_is_one_line() -> None:
    assert Redactor().excerpt(" two\n\r\n  lines\t") == "two lines"


def test_more_secrets_can_be_learned() -> None:
    assert Redactor(["one"]).extended(["two"])("one two three") == f"{REDACTED} {REDACTED} three"


@example(secret="\ud800", before="", after="")
@given(
    secret=st.text(st.characters(exclude_characters=REDACTED), min_size=1),
    before=st.text(),
    after=st.text(),
)
def test_no_text_shows_the_secret(secret: str, before: str, after: str) -> None:
    assert secret not in Redactor([secret])(before + secret + after)
