"""Reads the variables of one UPS of a NUT server through aionut."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from aionut import (
    AIONUTClient,
    NUTCommandError,
    NUTConnectionClosedError,
    NUTError,
    NUTLoginError,
    NUTOSError,
    NUTTimeoutError,
)

from .errors import InvalidReplyError, ReplyTimeoutError, TransportError, UpsError
from .remote_errors import UpsdRefusal, reading_error
from .remote_wire import RemoteServer, unescaped

# aionut asks once more on a new connection after this silence, so a poll may take twice as long
# and is still in time for the next one but one.
REPLY_LIMIT_S = 1.5

_ENDED = (NUTConnectionClosedError, NUTOSError, EOFError)


class UpsdReader:
    """One lasting, anonymous connection: nobody needs an account to read."""

    def __init__(self, server: RemoteServer, ups: str) -> None:
        """Read `ups` of `server`; nothing is opened yet."""
        self._label = f"{server.label}/{ups}"
        self._ups = ups
        self._client = AIONUTClient(server.host, server.port, timeout=REPLY_LIMIT_S)

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        self._client.disconnect()

    async def variables(self) -> Mapping[str, str]:
        """Return what the server says of the UPS now.

        Raises:
            TransportError: the connection cannot be opened, or ended.
            ReplyTimeoutError: no answer in time.
            NoDataError: the server has no readings; OldDataError where they are too old.
            UnknownUpsError: the server does not know the UPS any more.
            AddressNotAllowedError: the server does not talk to us any more.
            InvalidReplyError: the answer makes no sense.

        """
        found = await self._ask(self._client.list_vars(self._ups))
        return {name: _whole(text) for name, text in found.items()}

    async def _ask[ResultT](self, question: Coroutine[Any, Any, ResultT]) -> ResultT:
        try:
            return await question
        except (NUTCommandError, NUTLoginError) as err:
            refusal = UpsdRefusal(str(err).rpartition("ERR ")[2])
            raise reading_error(self._label, refusal) from err
        except BaseException as err:
            # What is on its way must never be taken for the answer to the next question.
            self._client.disconnect()
            if (meaning := self._meaning(err)) is None:
                raise
            raise meaning from err

    def _meaning(self, err: BaseException) -> UpsError | None:
        if isinstance(err, NUTTimeoutError):
            return ReplyTimeoutError(f"{self._label} does not answer")
        if isinstance(err, _ENDED):
            return TransportError(f"{self._label}: the connection ended: {err}")
        # An IndexError is how aionut meets a line with too few words.
        if isinstance(err, (NUTError, asyncio.LimitOverrunError, IndexError)):
            return InvalidReplyError(f"{self._label}: not an answer of a NUT server: {err}")
        return None


def _whole(text: str) -> str:
    """Undo the escapes, which aionut leaves in.

    It also takes all quotes off the end, so that a value that ends with one has only its backslash
    left.
    """
    backslashes = len(text) - len(text.rstrip("\\"))
    return unescaped(f'{text}"' if backslashes % 2 else text)
