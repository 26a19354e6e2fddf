"""One UPS: keeps the link up, asks in turn, and publishes what is known."""

import asyncio
from collections.abc import Callable, Mapping
import logging
import time
from typing import override

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
)
from .models import LinkInfo, Writable
from .options import UpsOptions
from .polled import PolledUps, driver_variables
from .protocol import OmronProtocol
from .reader import Reader
from .settings import DRIVER_SETTINGS
from .transport import Transport

_LOGGER = logging.getLogger(__name__)

# A device that keeps silent may need its link opened anew.
SILENT_POLLS_BEFORE_REOPEN = 3
# Expected time of one exchange until there is a measured one, in seconds.
EXCHANGE_GUESS_S = 0.3
# How slowly a long exchange is forgotten, per exchange.
EXCHANGE_DECAY = 0.9
DRIVER_VARIABLES = frozenset(row.name for row in DRIVER_SETTINGS)


class Ups(PolledUps):
    """The UPS behind one transport.

    ``start`` raises NotAUpsError where something answers, but not as a UPS, ReplyTimeoutError where
    nothing answers, and a TransportError whose subclass says why the link cannot be opened.
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
        super().__init__(label=transport.label, timing=options.timing, monotonic=monotonic)
        self._transport = transport
        self._options = options
        self._driver_variables = driver_variables(
            transport.label, version=options.version, timing=options.timing
        )
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
        # Room between two polls
        self._may_ask = asyncio.Event()
        # What falls due is looked for once per poll: a timer of its own would cost more than it.
        self._polled = asyncio.Event()
        self._exchange_s = EXCHANGE_GUESS_S
        self._poll_took_s = 0.0

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

    @override
    async def _prepare(self) -> None:
        await self._keeper.load()

    @override
    async def _disconnect(self) -> None:
        await self._transport.close()

    @override
    async def _connect(self) -> None:
        """Open the link and prove that Q1 is answered; the state is believed and published."""
        await self._transport.open()
        self._reader.begin_connection()
        try:
            await self._reader.read_status()
        except (InvalidReplyError, RejectedError) as err:
            raise NotAUpsError(f"{self._label}: no UPS answers here: {err}") from err
        await self._reader.confirm_status()
        self._publish()

    @override
    async def _poll(self) -> None:
        silent_polls = 0
        while True:
            began = self._monotonic()
            try:
                await self._reader.read_status()
                await self._reader.confirm_status()
            except (InvalidReplyError, RejectedError, ReplyTimeoutError) as err:
                silent_polls += 1
                _LOGGER.debug("%s: no status: %s", self._label, err)
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
        self._polled.set()
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

    @override
    async def _learn(self) -> None:
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
                self._polled.clear()
                await reader.learn_more(self._patient_protocol)
                await self._polled.wait()

    def _require_link(self) -> None:
        if not self._transport.is_open:
            raise TransportError(f"{self._label}: there is no link to the UPS")

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
        self._publish_state(state)
