"""A link to the UPS: carries one request and one reply at a time."""

from abc import ABC, abstractmethod
import asyncio
import logging

from .errors import ReplyTimeoutError, TransportError
from .models import LinkInfo

_LOGGER = logging.getLogger(__name__)

# A reply that missed its time limit is on its way for a little longer. It must never be taken
# for the answer to the next request, so the next exchange waits this long for it first.
LATE_REPLY_S = 0.5


class Transport(ABC):
    """One request, one reply, under one lock, within one time limit.

    Subclasses carry the bytes (``_open``, ``_close``, ``_discard``, ``_send``, ``_receive``);
    this class keeps the order. ``open`` and ``close`` may be called in any state.
    """

    reply_limit_s: float = 1.0
    """How long a complete reply may take, request included."""

    def __init__(self, *, label: str) -> None:
        """Name the link; `label` is what ``driver.parameter.port`` and log lines show."""
        self.label = label
        self._lock = asyncio.Lock()
        self._reply_is_late = False
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether an exchange can be tried."""
        return self._is_open

    @property
    def info(self) -> LinkInfo:
        """What the link tells of the unit by itself; empty for a serial line."""
        return LinkInfo()

    async def open(self) -> None:
        """Open the link.

        Raises:
            TransportError: it cannot be opened; the subclass of the error says why.
        """
        async with self._lock:
            if self._is_open:
                return
            await self._open()
            self._is_open = True
            self._reply_is_late = False

    async def close(self) -> None:
        """Close the link; a running exchange ends first."""
        async with self._lock:
            if not self._is_open:
                return
            self._is_open = False
            await self._close()

    async def exchange(self, request: bytes) -> bytes:
        """Send `request` (CR included) and return the reply up to its CR, CR excluded.

        Raises:
            ReplyTimeoutError: no complete reply came in time.
            TransportError: the link failed or is not open.
        """
        async with self._lock:
            if not self._is_open:
                raise TransportError(f"{self.label} is not open")
            if self._reply_is_late:
                await self._await_late_reply()
            await self._discard()
            # Holds until the reply is here, also when we are cancelled while waiting for it.
            self._reply_is_late = True
            try:
                async with asyncio.timeout(self.reply_limit_s):
                    await self._send(request)
                    reply = await self._receive()
            except TimeoutError as err:
                raise ReplyTimeoutError(
                    f"no reply to {request!r} within {self.reply_limit_s:g} s"
                ) from err
            self._reply_is_late = False
            _LOGGER.debug("%s: %r -> %r", self.label, request, reply)
            return reply

    async def _await_late_reply(self) -> None:
        self._reply_is_late = False
        try:
            async with asyncio.timeout(LATE_REPLY_S):
                late = await self._receive()
        except TimeoutError:
            return
        _LOGGER.debug("%s: dropped a late reply: %r", self.label, late)

    @abstractmethod
    async def _open(self) -> None:
        """Open the device; raise a TransportError that says why not."""

    @abstractmethod
    async def _close(self) -> None:
        """Give the device back."""

    @abstractmethod
    async def _discard(self) -> None:
        """Drop whatever has arrived unasked, without waiting for more."""

    @abstractmethod
    async def _send(self, request: bytes) -> None:
        """Hand over the whole request; raise a TransportError when the link is down."""

    @abstractmethod
    async def _receive(self) -> bytes:
        """Return the next reply without its CR; raise a TransportError when the link is down."""
