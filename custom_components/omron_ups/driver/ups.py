"""One UPS: keeps the link up, asks in turn, and publishes what is known."""

import asyncio
from collections.abc import Callable, Mapping
import contextlib
from dataclasses import replace
import logging
import time
from types import MappingProxyType

from .assemble import Observation, assemble
from .auto_restart import AutoRestartKeeper, SettingMemory, VolatileMemory
from .commands import InstantCommand
from .control import Control
from .errors import (
    InvalidReplyError,
    NotAUpsError,
    RejectedError,
    ReplyTimeoutError,
    TransportError,
    UpsError,
)
from .models import LinkInfo, UpsState, Writable
from .options import UpsOptions
from .protocol import OmronProtocol
from .reader import Reader
from .settings import DRIVER_SETTINGS
from .transport import Transport

_LOGGER = logging.getLogger(__name__)

DRIVER_NAME = "omron_ups"
DRIVER_VERSION = "1.0"
"""Version of this driver by itself, for ``driver.version.internal``."""
# A device that keeps silent may need its link opened anew.
SILENT_POLLS_BEFORE_REOPEN = 3
# Expected time of one exchange until there is a measured one, in seconds.
EXCHANGE_GUESS_S = 0.3
# How slowly a long exchange is forgotten, per exchange.
EXCHANGE_DECAY = 0.9
DRIVER_VARIABLES = frozenset(row.name for row in DRIVER_SETTINGS)
INTERNAL_ERROR = "internal error, see the log"
# How often to look for a query that is due.
IDLE_S = 0.1

type StateCallback = Callable[[UpsState], None]


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
        memory: SettingMemory | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use `transport`, which nobody else may use from now on.

        Args:
            transport: the link to the unit.
            options: how to treat it.
            memory: keeps the unit's auto-restart setting while a shutdown has changed it; None
                forgets with the process.
            monotonic: the clock that states tell their times on, in seconds.
        """
        self._transport = transport
        self._options = options
        self._timing = options.timing
        self._monotonic = monotonic
        self._driver_variables = _driver_variables(transport.label, options)
        self._reader = Reader(transport, dialect=options.dialect, monotonic=monotonic)
        self._keeper = AutoRestartKeeper(memory or VolatileMemory())
        self._control = Control(
            self._reader,
            keeper=self._keeper,
            delays=options.delays,
            offers_unproven=options.offers_unproven,
            monotonic=monotonic,
        )
        self._patient_protocol = OmronProtocol(self._exchange_between_polls)
        self._subscribers: list[StateCallback] = []
        self._state = UpsState()
        self._last_error: UpsError | None = None
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

    @property
    def commands(self) -> Mapping[str, InstantCommand]:
        """The instant commands that this unit offers, by NUT name; complete after ``start``."""
        return self._control.commands

    @property
    def writable(self) -> Mapping[str, Writable]:
        """The variables that can be set, by NUT name; complete after ``start``."""
        return self._control.writable

    @property
    def replies(self) -> Mapping[str, str]:
        """The last reply to each request, untouched; it holds the serial number."""
        return self._reader.replies

    @property
    def link(self) -> LinkInfo:
        """What the link tells of the unit by itself."""
        return self._transport.info

    async def command(self, name: str, value: str | None = None) -> None:
        """Carry out an instant command; return when the unit acknowledged it.

        Goes between two polls and before every query. What it changed is read back and published
        before this returns.

        Args:
            name: one of `commands`.
            value: seconds until the output goes off, for those that take a delay; None or empty:
                ``ups.delay.shutdown``.

        Raises:
            NotSupportedError: the unit does not offer it.
            OutOfRangeError: the value is not one that the unit can take.
            CommandRejectedError: the unit refused.
            UnconfirmedError: no acknowledgement, and nothing shows that the unit obeyed.
            SettingMemoryError: the auto-restart setting could not be stored; nothing was sent.
            UpsError: the unit could not be asked what has to be known first.
            TransportError: there is no link to the unit.
        """
        self._require_link()
        try:
            await self._control.command(name, value)
        finally:
            self._publish_if_connected()

    async def set_variable(self, name: str, value: str) -> None:
        """Set a variable in NUT's spelling; return when the unit acknowledged and shows it.

        ``ups.delay.shutdown`` and ``ups.delay.start`` are the driver's own and need no link. Raises
        as `command` does.

        Args:
            name: one of `writable`.
            value: the new value.
        """
        if name not in DRIVER_VARIABLES:
            self._require_link()
        try:
            await self._control.set_variable(name, value)
        finally:
            self._publish_if_connected()

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
        await self._keeper.load()
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
        # Nobody watches any more; whoever stopped it need not be told.
        self._state = replace(self._state, stale=True)
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
        self._reader.begin_connection()
        try:
            await self._reader.read_status()
        except (InvalidReplyError, RejectedError) as err:
            raise NotAUpsError(f"{self._transport.label}: no UPS answers here: {err}") from err
        await self._reader.confirm_status()
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
                await self._reader.read_status()
                await self._reader.confirm_status()
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

    def _poll_interval(self) -> float:
        timing = self._timing
        busy = self._poll_took_s + self._exchange_s
        if self._reader.status.on_battery and busy < timing.poll_on_battery_s:
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
        await self._control.wait_until_idle()
        await self._may_ask.wait()
        began = self._monotonic()
        reply = await self._reader.exchange(request)
        took = self._monotonic() - began
        self._exchange_s = max(took, EXCHANGE_DECAY * self._exchange_s)
        return reply

    async def _poll_queries(self) -> None:
        reader = self._reader
        await reader.discover(self._patient_protocol)
        was_on_battery = False
        while True:
            await self._control.restore_if_due()
            on_battery = bool(reader.status.on_battery)
            if on_battery and not was_on_battery:
                reader.schedule.hasten(self._monotonic())
            was_on_battery = on_battery
            query = reader.schedule.next_due(self._monotonic())
            if query is not None:
                await reader.take_turn(query, self._patient_protocol)
            elif not self._first_round_over.is_set():
                self._publish()
                self._first_round_over.set()
            else:
                await reader.learn_more(self._patient_protocol)
                await asyncio.sleep(IDLE_S)

    def _require_link(self) -> None:
        if not self._transport.is_open:
            raise TransportError(f"{self._transport.label}: there is no link to the UPS")

    def _publish_if_connected(self) -> None:
        # A state in between would call old readings fresh while the link is down.
        if self._transport.is_open and not self._state.stale:
            self._publish()

    def _publish(self) -> None:
        reader = self._reader
        if reader.reply is None:
            return
        state = assemble(
            Observation(
                reply=reader.reply,
                read_at=reader.read_at,
                status=reader.status,
                readings=reader.readings,
                link=self._transport.info,
                is_omron=reader.capabilities.is_omron,
                dialect=self._options.dialect,
                driver=self._driver_variables,
                delays=self._control.delays,
                battery_packs=self._options.battery_packs,
                estimates_runtime=not reader.tells_runtime,
            )
        )
        self._arm_stale_timer(reader.read_at + self._timing.stale_after_s - self._monotonic())
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
