"""The dialect: framing, refusals, reply shapes and retries."""

from collections.abc import Awaitable, Callable
import logging
import re

from .errors import EchoError, InvalidReplyError, RejectedError
from .queries import PAGE_SHAPE, Q1_REQUEST, Q1_SHAPE, Q1Reply, Query, Values, parse_page, parse_q1

_LOGGER = logging.getLogger(__name__)

# A garbled reply comes fast and is often good the next time; a silent unit costs the whole time
# limit at every try, and the poll loop comes back to it anyway.
GARBLED_TRIES = 3
SHORT_CONFIRMATIONS = 2
# The vendor driver looks at two characters only.
ACKNOWLEDGED_SHAPE = re.compile("OK.*")


class OmronProtocol:
    """Asks one question at a time and answers with what the reply says.

    Every method may raise RejectedError (``NAK`` or an echo), InvalidReplyError (the wrong shape,
    three times), ReplyTimeoutError and TransportError.
    """

    def __init__(self, exchange: Callable[[bytes], Awaitable[bytes]]) -> None:
        """Speak through `exchange`, as Transport.exchange does it."""
        self._exchange = exchange

    async def status(self) -> Q1Reply:
        """Ask for the status (``Q1``)."""
        return await self._ask(Q1_REQUEST, Q1_SHAPE, parse_q1)

    async def capability_page(self, page: int) -> int:
        """Ask for capability page 1 to 5 (``CF`` .. ``CF5``); return its 32 bits."""
        return await self._ask("CF" if page == 1 else f"CF{page}", PAGE_SHAPE, parse_page)

    async def query(self, query: Query) -> Values:
        """Ask one row of the table.

        A reply that is shorter than it should be is believed only when the unit says the same
        each time: half of a charge of 100 is a charge of 1.
        """

        def read(match: re.Match[str]) -> tuple[Values, int]:
            return query.parse(match), len(match[0])

        values, width = await self._ask(query.request, query.shape, read)
        for _ in range(SHORT_CONFIRMATIONS):
            if width >= query.full_width:
                break
            before = values
            values, width = await self._ask(query.request, query.shape, read)
            if width < query.full_width and values != before:
                raise InvalidReplyError(f"{query.request}: short replies that differ: {values}")
        return values

    async def command(self, request: str) -> None:
        """Send a write, once; return when the unit acknowledged it (``OK``, seen on BN150T).

        Silence and any other reply are no acknowledgement, and an exception here.
        """
        await self._ask_once(request, ACKNOWLEDGED_SHAPE, re.Match.group)

    async def _ask[ValueT](
        self, request: str, shape: re.Pattern[str], read: Callable[[re.Match[str]], ValueT]
    ) -> ValueT:
        for _ in range(GARBLED_TRIES - 1):
            try:
                return await self._ask_once(request, shape, read)
            except InvalidReplyError as err:
                _LOGGER.debug("asking again: %s", err)
        return await self._ask_once(request, shape, read)

    async def _ask_once[ValueT](
        self, request: str, shape: re.Pattern[str], read: Callable[[re.Match[str]], ValueT]
    ) -> ValueT:
        reply = await self._exchange(f"{request}\r".encode("ascii"))
        text = reply.decode("latin-1")
        if text.startswith("NAK"):
            raise RejectedError(f"{request}: the UPS answered NAK")
        if text == request:
            raise EchoError(f"{request}: the UPS sent the request back")
        match = shape.fullmatch(text)
        if match is None:
            raise InvalidReplyError(f"{request}: unexpected reply {text!r}")
        try:
            return read(match)
        except ValueError as err:
            raise InvalidReplyError(f"{request}: {err} in {text!r}") from err
