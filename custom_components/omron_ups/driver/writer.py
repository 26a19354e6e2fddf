"""Sends one write and finds out whether the unit carried it out."""

import logging

from .commands import ReadBack, Write
from .errors import (
    CommandRejectedError,
    InvalidReplyError,
    RejectedError,
    ReplyTimeoutError,
    TransportError,
    UnconfirmedError,
    UpsError,
)
from .queries import Q1Reply
from .reader import Reader

_LOGGER = logging.getLogger(__name__)

# A write that does no harm when repeated is sent so often at most, and looked after in between.
REPEATABLE_TRIES = 3


class Writer:
    """The only one that sends anything but queries."""

    def __init__(self, reader: Reader) -> None:
        """Write to the unit that `reader` reads, and look through it."""
        self._reader = reader

    async def carry_out(self, write: Write) -> bool | None:
        """Send `write`; return once it is acknowledged, or shown to be carried out all the same.

        A missing acknowledgement is never taken for success: the evidence is read instead, and
        only what does no harm when repeated is then sent again. After every attempt the matching
        query is read, so that the state tells the truth whatever comes of it.

        Returns:
            What the evidence shows after an acknowledgement; None where there is none to read.

        Raises:
            CommandRejectedError: the unit answered ``NAK`` or an echo.
            UnconfirmedError: no acknowledgement, and no evidence either.
        """
        failure: UpsError | None = None
        for _ in range(REPEATABLE_TRIES if write.is_repeatable else 1):
            before = self._reader.reply
            try:
                await self._reader.send(write.request)
            except RejectedError as err:
                await self._look(write)
                raise CommandRejectedError(f"the UPS refused {write.request}") from err
            except (InvalidReplyError, ReplyTimeoutError, TransportError) as err:
                _LOGGER.debug("not acknowledged: %s", err)
                failure = err
            else:
                return await self._look(write)
            if await self._look(write) and self._is_news(write, before):
                return True
            if isinstance(failure, TransportError):
                break
        raise UnconfirmedError(
            f"the UPS did not acknowledge {write.request}, and nothing shows that it obeyed"
        ) from failure

    async def _look(self, write: Write) -> bool | None:
        """Read the evidence; None where there is none, or it cannot be read."""
        evidence = write.evidence
        try:
            if isinstance(evidence, ReadBack):
                return evidence.holds(await self._reader.read(evidence.request))
            # Also without evidence: the next acknowledgement shall not be this one once more.
            reply = await self._reader.read_status()
            return None if evidence is None else reply.bit(evidence.index) is evidence.value
        except UpsError as err:
            _LOGGER.debug("cannot see what came of %s: %s", write.request, err)
            return None

    @staticmethod
    def _is_news(write: Write, before: Q1Reply | None) -> bool:
        """Tell whether the evidence can only come from this write.

        A setting that reads as wanted is as wanted, whoever did it. A status bit proves something
        only where we saw it change; some units hold one for ever.
        """
        evidence = write.evidence
        if evidence is None or isinstance(evidence, ReadBack):
            return True
        return before is not None and before.bit(evidence.index) is not evidence.value
