"""The USB link: HID reports through libusb, on one worker thread per unit."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import override

from .errors import RejectedError, ReplyTimeoutError, TransportError
from .models import LinkInfo
from .queries import Q1_REQUEST
from .transport import Transport
from .usb_context import new_context
from .usb_devices import NewContext, UsbIdentity
from .usb_link import UsbLink

SET_REPORT_VALUES = (0x0002, 0x0200)
"""The wValue of SET_REPORT, in the order to try them.

The first is what OMRON's own driver sends (seen on BN150T, BW55T, BY35S, BY50S), the second what
the HID specification says (BY50S; BW55T through Windows).
"""

# A question without any effect, so that it may be asked twice.
_HARMLESS = f"{Q1_REQUEST}\r".encode("ascii")

# What a unit has answered to once it is asked by the next time, by whichever transport.
_answered_to: dict[UsbIdentity, int] = {}


class UsbTransport(Transport):
    """A UPS on a USB port of this machine.

    A cancelled exchange leaves the unit usable: the worker stops within a few hundred ms, and
    the next exchange drops what it left behind.
    """

    def __init__(
        self,
        identity: UsbIdentity,
        *,
        set_report_value: int | None = None,
        new_context: NewContext = new_context,
    ) -> None:
        """Lead to the unit that `identity` names, wherever it is plugged in when it is opened.

        Args:
            identity: from ``list_usb_units``.
            set_report_value: the wValue of SET_REPORT; ``None`` finds out which one is answered.
            new_context: opens libusb.
        """
        super().__init__(label=identity.label)
        self._identity = identity
        self._fixed_value = set_report_value
        self._new_context = new_context
        self._value = SET_REPORT_VALUES[0]
        self._has_answered = False
        self._link: UsbLink | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._info = LinkInfo()
        # A job that began under another number is nobody's any more and stops by itself.
        self._generation = 0

    @property
    @override
    def info(self) -> LinkInfo:
        """What the descriptors say, as of the last time that the unit was opened."""
        return self._info

    @property
    def set_report_value(self) -> int | None:
        """The wValue that the unit answers to; None until it has answered since `open`."""
        return self._value if self._has_answered else None

    @override
    async def exchange(self, request: bytes) -> bytes:
        try:
            reply = await super().exchange(request)
        except RejectedError, ReplyTimeoutError:
            if self._has_answered or self._fixed_value is not None or request != _HARMLESS:
                raise
            reply = await self._exchange_by_other_value(request)
        self._has_answered = True
        _answered_to[self._identity] = self._value
        return reply

    async def _exchange_by_other_value(self, request: bytes) -> bytes:
        tried = self._value
        self._value = next(value for value in SET_REPORT_VALUES if value != tried)
        try:
            return await super().exchange(request)
        except BaseException:
            self._value = tried
            raise

    @override
    async def _open(self) -> None:
        """Open the unit.

        Raises:
            NotAUpsError: the device is no HID device.
            TransportError: it cannot be opened; the subclass of the error says why.
        """
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self.label)
        opening = worker.submit(UsbLink.open, self._identity, self._new_context)
        try:
            self._link = await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            worker.submit(_close_unwanted, opening)
            worker.shutdown(wait=False)
            raise
        except Exception:
            worker.shutdown()
            raise
        self._worker = worker
        self._info = self._link.info
        self._has_answered = False
        known_value = _answered_to.get(self._identity, SET_REPORT_VALUES[0])
        self._value = known_value if self._fixed_value is None else self._fixed_value

    @override
    async def _close(self) -> None:
        link, worker = self._opened()
        self._link = self._worker = None
        self._generation += 1
        closing = worker.submit(link.close)
        # From here on the worker ends by itself, even if we are cancelled while we wait for it.
        worker.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closing))
        worker.shutdown()

    @override
    async def _discard(self) -> None:
        link, worker = self._opened()
        await self._run(worker, link.discard)

    @override
    async def _send(self, request: bytes) -> None:
        link, worker = self._opened()
        value = self._value
        try:
            await self._run(worker, lambda: link.send(request, value=value))
        except RejectedError:
            # What the unit refused to take it will not answer later.
            self._reply_is_late = False
            raise

    @override
    async def _receive(self) -> bytes:
        link, worker = self._opened()
        generation = self._generation
        return await self._run(worker, lambda: link.receive(lambda: self._generation == generation))

    def _opened(self) -> tuple[UsbLink, ThreadPoolExecutor]:
        if self._link is None or self._worker is None:
            raise TransportError(f"{self.label} is not open")
        return self._link, self._worker

    async def _run[ResultT](
        self, worker: ThreadPoolExecutor, job: Callable[[], ResultT]
    ) -> ResultT:
        try:
            return await asyncio.wrap_future(worker.submit(job))
        except asyncio.CancelledError:
            self._generation += 1
            raise


def _close_unwanted(opening: Future[UsbLink]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
