"""Keeps a credential that was refused from being tried again and again."""

import asyncio
from typing import Final

from ..errors import CredentialsRefusedError

LOGIN_PAUSE_S: Final = 900.0
"""NAS boxes block an address after a handful of refused logins within minutes, and then the
request that counts is not heard either."""


class WrongPasswordError(CredentialsRefusedError):
    """User or password is wrong: trying again leads to a block of our address."""


class LoginPause:
    """Remembers a refusal for `LOGIN_PAUSE_S`; somebody may put the account in order meanwhile."""

    def __init__(self) -> None:
        """Begin with nothing refused."""
        self._refused_at: float | None = None
        self._words = ""

    def demand_over(self) -> None:
        """Let a login be tried.

        Raises:
            WrongPasswordError: one was refused too short a time ago.

        """
        if self._refused_at is None:
            return
        if asyncio.get_running_loop().time() - self._refused_at < LOGIN_PAUSE_S:
            raise WrongPasswordError(f"not tried again, so as not to be blocked: {self._words}")

    def begin(self, words: str) -> None:
        """Note that a login was refused."""
        self._refused_at = asyncio.get_running_loop().time()
        self._words = words
