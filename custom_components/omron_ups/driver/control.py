"""The doors to everything that changes something: what a unit offers, and how it is done."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
import contextlib
from dataclasses import replace
import logging
from types import MappingProxyType

from .auto_restart import AutoRestartKeeper
from .commands import COMMANDS, InstantCommand, Offer, Write, auto_restart_write, soonest
from .delays import Delays, check_delay
from .errors import (
    CommandRejectedError,
    NotSupportedError,
    OutOfRangeError,
    UnconfirmedError,
    UpsError,
)
from .models import Writable
from .reader import Reader
from .settings import (
    AUTO_RESTART,
    DRIVER_SETTINGS,
    UNIT_SETTINGS,
    DriverSetting,
    UnitSetting,
    parse_number,
)
from .writer import Writer

_LOGGER = logging.getLogger(__name__)

_AUTO_RESTART_QUERY = "V2"
_AUTO_RESTART_FIELD = "auto_restart"
_AUTO_RESTART_OFFER = Offer(letters=("An", "Af"))


class Control:
    """The writing half of the driver, one command at a time."""

    def __init__(
        self,
        reader: Reader,
        *,
        keeper: AutoRestartKeeper,
        delays: Delays,
        offers_unproven: bool,
        monotonic: Callable[[], float],
    ) -> None:
        """Write to the unit that `reader` reads."""
        self._reader = reader
        self._writer = Writer(reader)
        self._keeper = keeper
        self._offers_unproven = offers_unproven
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()
        self.delays = delays
        """What goes into shutdown commands that name no delay."""

    @property
    def commands(self) -> Mapping[str, InstantCommand]:
        """The instant commands that this unit offers, by NUT name."""
        return MappingProxyType({row.name: row for row in COMMANDS if self._offers_command(row)})

    @property
    def writable(self) -> Mapping[str, Writable]:
        """The variables that can be written, by NUT name."""
        found = {row.name: row.writable for row in self._offered_settings()}
        found.update((row.name, row.writable) for row in self._offered_driver_settings())
        return MappingProxyType(found)

    async def wait_until_idle(self) -> None:
        """Return when no command is being carried out."""
        await self._idle.wait()

    async def command(self, name: str, value: str | None = None) -> None:
        """Carry out an instant command; see Ups.command."""
        row = self.commands.get(name)
        if row is None:
            raise NotSupportedError(f"this UPS has no command {name}")
        delays = self._delays_for(row, value)
        write = row.write(delays)
        async with self._exclusive():
            if row.auto_restart is not None:
                await self._prepare(on=row.auto_restart)
            if row.is_shutdown:
                await self._order(write, delays.shutdown_s)
            else:
                await self._writer.carry_out(write)
            if row.ends_shutdown:
                self._keeper.release()
                await self._restore()

    async def set_variable(self, name: str, value: str) -> None:
        """Write a variable; see Ups.set_variable."""
        for own in self._offered_driver_settings():
            if own.name == name:
                number = own.check(parse_number(value))
                self.delays = replace(self.delays, **{own.field: number})
                return
        for row in self._offered_settings():
            if row.name == name:
                wanted = row.parse(value)
                async with self._exclusive():
                    await self._change(row, wanted)
                return
        raise NotSupportedError(f"{name} of this UPS cannot be written")

    async def restore_if_due(self) -> None:
        """Restore the auto-restart setting in its time: the one write that nobody asked for."""
        reply = self._reader.reply
        if reply is None or self._lock.locked():
            return
        if self._keeper.is_due(reply, self._monotonic()):
            async with self._exclusive():
                await self._restore()

    def _offers_command(self, row: InstantCommand) -> bool:
        return self._is_allowed(row.is_unproven) and self._is_made(row.offer)

    def _offered_settings(self) -> Iterator[UnitSetting]:
        seen: set[str] = set()
        for row in UNIT_SETTINGS:
            if row.name in seen or not self._is_allowed(row.is_unproven):
                continue
            if self._is_made(row.offer):
                seen.add(row.name)
                yield row

    def _offered_driver_settings(self) -> Iterator[DriverSetting]:
        for row in DRIVER_SETTINGS:
            if any(self._is_made(Offer(letters=(letters,))) for letters in row.letters):
                yield row

    def _is_allowed(self, is_unproven: bool) -> bool:  # noqa: FBT001
        return self._offers_unproven or not is_unproven

    def _is_made(self, offer: Offer) -> bool:
        return offer.is_made(self._reader.capabilities, self._reader.answered)

    def _delays_for(self, row: InstantCommand, value: str | None) -> Delays:
        delays = soonest(self.delays) if row.shortest_delay else self.delays
        if not value:
            return delays
        if not row.takes_delay:
            raise OutOfRangeError(f"{row.name} takes no value")
        return replace(delays, shutdown_s=check_delay(parse_number(value)))

    async def _prepare(self, *, on: bool) -> None:
        """Set auto restart as a shutdown command needs it; how it was before is stored first.

        An acknowledgement is enough here. What the setting's query means is known from the vendor
        driver alone, and must not keep a shutdown from a unit that has just said yes.
        """
        if not self._is_made(_AUTO_RESTART_OFFER):
            return
        before = await self._read_auto_restart()
        if before is not None and before is not on:
            await self._keeper.remember(before)
        await self._writer.carry_out(auto_restart_write(on=on))

    async def _order(self, write: Write, delay_s: int) -> None:
        # Held from before the request goes out: it may be obeyed though its answer is lost.
        self._keeper.hold(self._monotonic(), delay_s)
        try:
            await self._writer.carry_out(write)
        except CommandRejectedError:
            self._keeper.release()
            raise

    async def _change(self, row: UnitSetting, wanted: object) -> None:
        if row.merge is not None:
            now = (await self._reader.read(row.query or "")).get(row.field)
            wanted = row.merge(wanted, now)
        if await self._writer.carry_out(row.write(wanted)) is False:
            raise UnconfirmedError(f"the UPS accepted a new {row.name} but does not show it")
        if row.name == AUTO_RESTART:
            await self._keeper.forget()

    async def _restore(self) -> None:
        original = self._keeper.original
        if original is None or not self._is_made(_AUTO_RESTART_OFFER):
            return
        try:
            values = await self._reader.read(_AUTO_RESTART_QUERY)
            if values[_AUTO_RESTART_FIELD] is not original:
                shown = await self._writer.carry_out(auto_restart_write(on=original))
                if shown is False:
                    raise UnconfirmedError("the auto-restart setting stays as it is")
        except UpsError as err:
            _LOGGER.warning("the auto-restart setting of the UPS is not restored yet: %s", err)
            self._keeper.postpone(self._monotonic())
        else:
            await self._keeper.forget()

    async def _read_auto_restart(self) -> bool | None:
        """Return the setting as it is now, else as it was read last; None where it is not told."""
        if _AUTO_RESTART_QUERY not in self._reader.answered:
            return None
        try:
            values = await self._reader.read(_AUTO_RESTART_QUERY)
        except UpsError as err:
            _LOGGER.debug("the last known auto-restart setting has to do: %s", err)
            return bool(self._reader.readings[_AUTO_RESTART_FIELD].value)
        return bool(values[_AUTO_RESTART_FIELD])

    @contextlib.asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[None]:
        """Let one command at a time through; the queries stand back meanwhile."""
        async with self._lock:
            self._idle.clear()
            try:
                yield
            finally:
                self._idle.set()
