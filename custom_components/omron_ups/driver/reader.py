"""Asks one unit and keeps what it said."""

from collections.abc import Callable, Mapping
from dataclasses import replace
import logging
from types import MappingProxyType

from .assemble import Reading
from .capabilities import Capabilities, Dialect, discover, renewed
from .errors import InvalidReplyError, RejectedError, ReplyTimeoutError
from .protocol import OmronProtocol
from .queries import QUERIES, Q1Reply, Query, Values
from .schedule import Schedule, lifetime
from .status import Status, StatusTracker
from .transport import Transport

_LOGGER = logging.getLogger(__name__)

# Replies that contradict each other about the power are settled by at most so many more.
CONFIRMATIONS = 4
# From one look for more that the unit can tell to the next.
LEARN_AGAIN_S = 600.0
RUNTIME_REQUEST = "RTS"
# Refusals are all alike.
REFUSAL = b"NAK"
_QUERIES: Mapping[str, Query] = MappingProxyType({row.request: row for row in QUERIES})


class Reader:
    """What is known of one unit, and how to learn more."""

    def __init__(
        self, transport: Transport, *, dialect: Dialect, monotonic: Callable[[], float]
    ) -> None:
        """Ask through `transport`."""
        self._transport = transport
        self._dialect = dialect
        self._monotonic = monotonic
        self._protocol = OmronProtocol(self.exchange)
        self._tracker = StatusTracker()
        self._replies: dict[str, str] = {}
        self._previous = (b"", b"")
        self.status = Status()
        self.reply: Q1Reply | None = None
        """The last good Q1 reply."""
        self.read_at = 0.0
        """When it came, on the driver's monotonic clock."""
        self.readings: dict[str, Reading] = {}
        self.capabilities = Capabilities()
        self.answered: set[str] = set()
        """The queries that were ever answered well."""
        self.schedule = Schedule(self.capabilities)
        self._learn_again_at = 0.0

    @property
    def replies(self) -> Mapping[str, str]:
        """The last reply to each request, as it came."""
        return MappingProxyType(self._replies)

    @property
    def tells_runtime(self) -> bool:
        """Whether the unit counts its runtime itself, be it that it is silent at the moment."""
        return any(query.request == RUNTIME_REQUEST for query in self.schedule.queries)

    async def exchange(self, request: bytes) -> bytes:
        """Send one request; the reply is kept for diagnostics.

        Raises:
            InvalidReplyError: the reply is that of the request before, word for word. Many shapes
                are alike (a charge, a runtime), so it may have come once more; asked again, a unit
                whose two answers are really the same is believed.
            ReplyTimeoutError: as Transport.exchange, as is TransportError.
        """
        reply = await self._transport.exchange(request)
        text = request.decode("ascii").removesuffix("\r")
        before, self._previous = self._previous, (request, reply)
        if reply == before[1] and request != before[0] and not reply.startswith(REFUSAL):
            raise InvalidReplyError(f"{text}: {reply!r} was the reply before")
        self._replies[text] = reply.decode("latin-1")
        return reply

    def begin_connection(self) -> None:
        """Believe nothing of the power that an earlier connection taught."""
        self._tracker = self._tracker.successor()

    async def read_status(self) -> Q1Reply:
        """Ask Q1 once and take the reply in; raises as OmronProtocol does."""
        reply = await self._protocol.status()
        self.reply = reply
        self.read_at = self._monotonic()
        self.status = self._tracker.feed(reply, self.read_at, is_omron=self.capabilities.is_omron)
        return reply

    async def confirm_status(self) -> None:
        """Ask again while the replies contradict each other about the power."""
        for _ in range(CONFIRMATIONS):
            if not self._tracker.wants_confirmation:
                return
            await self.read_status()

    async def discover(self, protocol: OmronProtocol) -> None:
        """Find out through `protocol` what the unit answers, and plan the turns anew."""
        await self._learn(protocol)
        self.schedule = Schedule(self.capabilities)

    async def learn_more(self, protocol: OmronProtocol) -> None:
        """Ask again for what a bad moment of the link may have hidden, when it is time to."""
        if not self.capabilities.is_final and self._monotonic() >= self._learn_again_at:
            await self._learn(protocol)
            self.schedule.extend(self.capabilities)

    async def _learn(self, protocol: OmronProtocol) -> None:
        known_pages = await renewed(protocol, self.capabilities.pages)
        found = await discover(protocol, self._transport.info, self._dialect, known_pages)
        self._learn_again_at = self._monotonic() + LEARN_AGAIN_S
        if self.capabilities.is_omron and not found.is_omron:
            # A unit does not change its dialect; it is its link that has a bad moment.
            return
        proven = tuple(row for row in found.unproven if row.request in self.answered)
        self.capabilities = replace(
            found,
            announced=found.announced + proven,
            unproven=tuple(row for row in found.unproven if row not in proven),
        )

    async def take_turn(self, query: Query, protocol: OmronProtocol) -> None:
        """Ask what is due through `protocol`; a failure only moves its next turn."""
        try:
            await self._read(query, protocol)
        except (InvalidReplyError, RejectedError, ReplyTimeoutError) as err:
            _LOGGER.debug("%s: %s", self._transport.label, err)
            on_battery = bool(self.status.on_battery)
            self.schedule.failed(query, err, self._monotonic(), on_battery=on_battery)
        else:
            on_battery = bool(self.status.on_battery)
            self.schedule.answered(query, self._monotonic(), on_battery=on_battery)

    async def read(self, request: str) -> Values:
        """Ask a query of the table at once; raises as OmronProtocol does."""
        return await self._read(_QUERIES[request], self._protocol)

    async def send(self, request: str) -> None:
        """Send a write once; raises as OmronProtocol.command does."""
        await self._protocol.command(request)

    async def _read(self, query: Query, protocol: OmronProtocol) -> Values:
        values = await protocol.query(query)
        now = self._monotonic()
        self.answered.add(query.request)
        lifetime_s = lifetime(query, on_battery=bool(self.status.on_battery))
        for name, value in values.items():
            self.readings[name] = Reading(value=value, read_at=now, lifetime_s=lifetime_s)
        return values
