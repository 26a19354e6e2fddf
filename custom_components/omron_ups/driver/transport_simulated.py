"""The link to a simulated UPS in this very process."""

import asyncio
from typing import override

from .models import LinkInfo
from .simulator.unit import CR, SimulatedUps
from .transport import Transport


class SimulatedTransport(Transport):
    """Carries requests to a `SimulatedUps` as fast, or as slowly, as its real link would."""

    def __init__(
        self,
        ups: SimulatedUps,
        *,
        turnaround_s: float | None = None,
        reply_limit_s: float | None = None,
    ) -> None:
        """Lead to `ups`.

        Args:
            ups: the unit; its owner keeps it and turns its knobs.
            turnaround_s: how long an exchange takes; ``None``: as long as the profile's link.
            reply_limit_s: the time limit of an exchange; ``None``: that of every transport.
        """
        super().__init__(label="simulated")
        if reply_limit_s is not None:
            self.reply_limit_s = reply_limit_s
        self.ups = ups
        self._turnaround_s = turnaround_s
        self._reads: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    @override
    def info(self) -> LinkInfo:
        return self.ups.profile.info

    @override
    async def _open(self) -> None:
        self.ups.require_link()

    @override
    async def _close(self) -> None:
        await self._discard()

    @override
    async def _discard(self) -> None:
        while not self._reads.empty():
            self._reads.get_nowait()

    @override
    async def _send(self, request: bytes) -> None:
        reads = self.ups.deliver(request)
        await asyncio.sleep(self._exchange_s(request, reads))
        self.ups.require_link()
        for read in reads:
            for packet in _packets(read, self.ups.profile.packet_size):
                self._reads.put_nowait(packet)

    @override
    async def _receive(self) -> bytes:
        reply = b""
        while CR not in reply:
            reply += await self._reads.get()
        return reply.split(CR)[0]

    def _exchange_s(self, request: bytes, reads: tuple[bytes, ...]) -> float:
        if self._turnaround_s is not None:
            return self._turnaround_s
        received = sum(len(read) for read in reads)
        return self.ups.profile.exchange_time_s(len(request), received)


def _packets(read: bytes, size: int) -> list[bytes]:
    return [read[at : at + size] for at in range(0, len(read), size)]
