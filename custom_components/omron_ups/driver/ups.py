"""One UPS: keeps the link up, asks in turn, and publishes what is known."""

import asyncio
from collections.abc import Callable, Mapping
import contextlib
from dataclasses import dataclass, replace
import logging
import time
from types import MappingProxyType

from .assemble import Observation, Reading, assemble
from .capabilities import Capabilities, Dialect, discover
from .errors import InvalidReplyError, NotAUpsError, RejectedError, ReplyTimeoutError, UpsError
from .models import UpsState
from .protocol import OmronProtocol
from .queries import Q1Reply, Query
from .schedule import Schedule, lifetime
from .status import Status, StatusTracker
from .transport import Transport

_LOGGER = logging.getLogger(__name__)

DRIVER_NAME = "omron_ups"
DRIVER_VERSION = "1.0"
"""Version of this driver by itself, for ``driver.version.internal``."""
# A device that keeps silent may need its link opened anew.
SILENT_POLLS_BEFORE_REOPEN = 3
# Replies that contradict each other about the power are settled by at most so many more.
CONFIRMATIONS = 4
# Expected time of one exchange until there is a measured one, in seconds.
EXCHANGE_GUESS_S = 0.3
# How slowly a long exchange is forgotten, per exchange.
EXCHANGE_DECAY = 0.9
INTERNAL_ERROR = "internal error, see the log"
# How often to look for a query that is due.
IDLE_S = 0.1

type StateCallback = Callable[[UpsState], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The driver's clockwork, in seconds."""

    poll_s: float = 1.0
    """From one Q1 to the next on mains."""
    poll_on_battery_s: float = 0.5
    """The same on battery, where the link is fast enough."""
    stale_after_s: float = 4.0
    """Readings are history after this long without a good Q1 reply."""
    reconnect_first_s: float = 1.0
    reconnect_longest_s: float = 5.0
    """From one try to open a lost link to the next: doubled each time, up to the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsOptions:
    """How to treat the unit."""

    version: str
    """Version of the product, for ``driver.version``."""
    dialect: Dialect = Dialect.OMRON
    timing: Timing = Timing()


class Ups:
    """The UPS behind one transport.

    After ``start`` it polls by itself, opens the link again whenever it is lost, and calls every
    subscriber with a new UpsState at each good reply and once when the readings go stale.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        options: UpsOptions,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use `transport`, which nobody else may use from now on."""
        self._transport = transport
        self._options = options
        self._timing = options.timing
        self._monotonic = monotonic
        self._driver_variables = _driver_variables(transport.label, options)
        self._protocol = OmronProtocol(transport.exchange)
        self._patient_protocol = OmronProtocol(self._exchange_between_polls)
        self._subscribers: list[StateCallback] = []
        self._state = UpsState()
        self._last_error: UpsError | None = None
        # What was seen last
        self._tracker = StatusTracker()
        self._status = Status()
        self._reply: Q1Reply | None = None
        self._read_at = 0.0
        self._readings: dict[str, Reading] = {}
        self._capabilities = Capabilities()
        # Room between two polls
        self._may_ask = asyncio.Event()
        self._exchange_s = EXCHANGE_GUESS_S
        self._poll_took_s = 0.0
        # Life cycle
        self._first_round_over = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._stale_timer: asyncio.TimerHandle | None = None

    @property
    def state(self) -> UpsState:
        """The last published state."""
        return self._state

    @property
    def last_error(self) -> UpsError | None:
        """Why the link was lost last, None as long as it never was."""
        return self._last_error

    @property
    def age(self) -> float | None:
        """Seconds since the last good Q1 reply, None before the first."""
        read_at = self._state.read_at
        return None if read_at is None else self._monotonic() - read_at

    @property
    def is_running(self) -> bool:
        """Whether ``start`` was called and ``stop`` was not."""
        return self._runner is not None

    def subscribe(self, callback: StateCallback) -> Callable[[], None]:
        """Call `callback` with every state from now on; return what undoes this."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._subscribers.remove(callback)

        return unsubscribe

    async def start(self) -> None:
        """Open the link, prove that a UPS answers, and read everything that it can tell once.

        Raises:
            NotAUpsError: something answers, but not as a UPS.
            ReplyTimeoutError: nothing answers.
            TransportError: the link cannot be opened; its subclass says why.
        """
        if self._runner is not None:
            return
        self._last_error = None
        self._first_round_over.clear()
        name = f"{DRIVER_NAME} {self._transport.label}"
        try:
            await self._connect()
            self._runner = asyncio.create_task(self._run(), name=name)
            await self._first_round_over.wait()
        except BaseException:
            await self.stop()
            raise
        if (error := self.last_error) is not None:
            await self.stop()
            raise error

    async def stop(self) -> None:
        """Stop polling and close the link; may be called at any time, and again."""
        if self._runner is not None:
            self._runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._runner
            self._runner = None
        self._cancel_stale_timer()
        await self._transport.close()

    async def _run(self) -> None:
        while True:
            await self._serve_connection()
            # Whoever waits in start() learns from last_error that the round was cut short.
            self._first_round_over.set()
            await self._transport.close()
            await self._reconnect()

    async def _reconnect(self) -> None:
        pause = delay = self._timing.reconnect_first_s
        while True:
            await asyncio.sleep(delay)
            began = self._monotonic()
            if await self._try_to_connect():
                return
            # Counted from try to try, so that a slow refusal does not make the pause longer.
            pause = min(2 * pause, self._timing.reconnect_longest_s)
            delay = max(0.0, pause - (self._monotonic() - began))

    async def _try_to_connect(self) -> bool:
        try:
            await self._connect()
        except UpsError as err:
            self._last_error = err
            _LOGGER.debug("%s: still lost: %s", self._transport.label, err)
        except Exception:
            # The top of the loop: a bug must not end it, the UPS has to be watched.
            _LOGGER.exception("%s: error while connecting", self._transport.label)
            self._last_error = UpsError(INTERNAL_ERROR)
        else:
            return True
        await self._transport.close()
        return False

    async def _connect(self) -> None:
        """Open the link and prove that Q1 is answered; the state is believed and published."""
        await self._transport.open()
        self._tracker = StatusTracker()
        try:
            await self._ask_status()
        except (InvalidReplyError, RejectedError) as err:
            raise NotAUpsError(f"{self._transport.label}: no UPS answers here: {err}") from err
        await self._confirm_status()
        self._publish()

    async def _serve_connection(self) -> None:
        """Poll until the link is lost, and say in last_error why it was."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._poll_status())
                tasks.create_task(self._poll_queries())
        except* UpsError as group:
            self._last_error = _first_error(group)
            _LOGGER.debug("%s: lost: %s", self._transport.label, self._last_error)
        except* Exception:
            _LOGGER.exception("%s: error in the poll loop", self._transport.label)
            self._last_error = UpsError(INTERNAL_ERROR)

    async def _poll_status(self) -> None:
        silent_polls = 0
        while True:
            began = self._monotonic()
            try:
                await self._ask_status()
                await self._confirm_status()
            except (InvalidReplyError, RejectedError, ReplyTimeoutError) as err:
                silent_polls += 1
                _LOGGER.debug("%s: no status: %s", self._transport.label, err)
                if silent_polls >= SILENT_POLLS_BEFORE_REOPEN:
                    raise
            else:
                silent_polls = 0
                self._poll_took_s = self._monotonic() - began
                self._publish()
            await self._leave_room(began + self._poll_interval())

    async def _ask_status(self) -> None:
        self._reply = await self._protocol.status()
        self._read_at = self._monotonic()
        self._status = self._tracker.feed(
            self._reply, self._read_at, is_omron=self._capabilities.is_omron
        )

    async def _confirm_status(self) -> None:
        for _ in range(CONFIRMATIONS):
            if not self._tracker.wants_confirmation:
                return
            await self._ask_status()

    def _poll_interval(self) -> float:
        timing = self._timing
        busy = self._poll_took_s + self._exchange_s
        if self._status.on_battery and busy < timing.poll_on_battery_s:
            return timing.poll_on_battery_s
        return timing.poll_s

    async def _leave_room(self, next_poll: float) -> None:
        """Let the other queries ask until the next poll, but none so late that it is held up."""
        room = next_poll - self._monotonic()
        reserve = min(self._exchange_s, room / 2)
        self._may_ask.set()
        await asyncio.sleep(room - reserve)
        self._may_ask.clear()
        await asyncio.sleep(max(0.0, next_poll - self._monotonic()))

    async def _exchange_between_polls(self, request: bytes) -> bytes:
        await self._may_ask.wait()
        began = self._monotonic()
        reply = await self._transport.exchange(request)
        took = self._monotonic() - began
        self._exchange_s = max(took, EXCHANGE_DECAY * self._exchange_s)
        return reply

    async def _poll_queries(self) -> None:
        self._capabilities = await discover(
            self._patient_protocol, self._transport.info, self._options.dialect
        )
        schedule = Schedule(self._capabilities)
        was_on_battery = False
        while True:
            on_battery = bool(self._status.on_battery)
            if on_battery and not was_on_battery:
                schedule.hasten(self._monotonic())
            was_on_battery = on_battery
            query = schedule.next_due(self._monotonic())
            if query is not None:
                await self._ask_query(query, schedule)
            elif not self._first_round_over.is_set():
                self._publish()
                self._first_round_over.set()
            else:
                await asyncio.sleep(IDLE_S)

    async def _ask_query(self, query: Query, schedule: Schedule) -> None:
        try:
            values = await self._patient_protocol.query(query)
        except (InvalidReplyError, RejectedError, ReplyTimeoutError) as err:
            _LOGGER.debug("%s: %s", self._transport.label, err)
            schedule.failed(query, err, self._monotonic())
            return
        now = self._monotonic()
        schedule.answered(query, now, on_battery=bool(self._status.on_battery))
        for name, value in values.items():
            self._readings[name] = Reading(value=value, read_at=now, lifetime_s=lifetime(query))

    def _publish(self) -> None:
        if self._reply is None:
            return
        state = assemble(
            Observation(
                reply=self._reply,
                read_at=self._read_at,
                status=self._status,
                readings=self._readings,
                link=self._transport.info,
                is_omron=self._capabilities.is_omron,
                dialect=self._options.dialect,
                driver=self._driver_variables,
            )
        )
        self._arm_stale_timer(self._read_at + self._timing.stale_after_s - self._monotonic())
        self._announce(state)

    def _announce(self, state: UpsState) -> None:
        self._state = state
        for callback in tuple(self._subscribers):
            try:
                callback(state)
            except Exception:
                # One listener's bug must not keep the news from the others.
                _LOGGER.exception("%s: error in a subscriber", self._transport.label)

    def _arm_stale_timer(self, delay: float) -> None:
        self._cancel_stale_timer()
        self._stale_timer = asyncio.get_running_loop().call_later(delay, self._go_stale)

    def _cancel_stale_timer(self) -> None:
        if self._stale_timer is not None:
            self._stale_timer.cancel()
            self._stale_timer = None

    def _go_stale(self) -> None:
        self._stale_timer = None
        self._announce(replace(self._state, stale=True))


def _driver_variables(label: str, options: UpsOptions) -> Mapping[str, str]:
    return MappingProxyType(
        {
            "driver.name": DRIVER_NAME,
            "driver.parameter.pollinterval": f"{options.timing.poll_s:g}",
            "driver.parameter.port": label,
            "driver.version": options.version,
            "driver.version.internal": DRIVER_VERSION,
        }
    )


def _first_error(group: BaseExceptionGroup[UpsError]) -> UpsError:
    return next(error for error in group.exceptions if isinstance(error, UpsError))
