"""Keeps secrets out of what is logged, raised, journaled or shown."""

import base64
from collections.abc import Collection, Iterator
import json
from typing import Final, Self
from urllib.parse import quote, quote_plus

REDACTED: Final = "**"
MAX_DETAIL: Final = 500
"""Characters of a host's own words that are kept (`Reply.detail`)."""


class Redactor:
    """Takes known secrets out of texts, also in the spellings in which they travel."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """Take the secrets; empty ones are left out."""
        self._secrets = frozenset(secrets)
        spellings = {spelling for secret in secrets if secret for spelling in _spellings(secret)}
        # The longest first, or a part of it would leave the rest behind.
        self._spellings = sorted(spellings, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return `text` without the secrets."""
        for spelling in self._spellings:
            text = text.replace(spelling, REDACTED)
        return text

    def extended(self, secrets: Collection[str]) -> Self:
        """Return one that knows these secrets too."""
        return type(self)(self._secrets | frozenset(secrets))

    def excerpt(self, text: str) -> str:
        """Return a host's words on one line, without secrets, cut to `MAX_DETAIL` characters.

        Redacted before it is cut: half a secret would not be recognised.
        """
        return " ".join(self(text).split())[:MAX_DETAIL]


def _spellings(secret: str) -> Iterator[str]:
    """Yield the secret as it is, in a URL, in a form, in JSON, in base64 (Basic, QNAP)."""
    yield secret
    # A lone surrogate has no UTF-8 of its own, and must not keep the rest from being redacted.
    raw = secret.encode(errors="surrogatepass")
    yield quote(raw, safe="")
    yield quote(raw)
    yield quote_plus(raw)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield base64.b64encode(raw).decode()
