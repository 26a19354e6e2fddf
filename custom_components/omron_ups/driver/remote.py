"""A UPS of another NUT server: keeps the connection up, polls, publishes what is known."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
import logging
import time
from typing import override

from .errors import UpsError
from .models import Writable
from .options import Timing
from .polled import PolledUps, driver_variables
from .remote_control import RemoteCommand, RemoteControl
from .remote_errors import CredentialsRefusedError, NoDataError, OldDataError, UnknownUpsError
from .remote_reader import UpsdReader
from .remote_state import RemoteObservation, assemble_remote
from .remote_status import RemoteStatus, RemoteStatusTracker
from .remote_values import known_variables
from .remote_wire import RemoteServer, UpsdSession

_LOGGER = logging.getLogger(__name__)

REMOTE_TIMING = Timing(poll_s=2.0, poll_on_battery_s=1.0, stale_after_s=5.0)
"""QNAP's driver asks its unit every 2 s, so that faster polls on mains would find nothing new.

Stale is later than on our own link: a poll that is lost for 1.5 s and repeated on a new connection
still comes before.
"""
# How long the question what the account may do is left alone after it could not be answered.
LEARN_AGAIN_S = 60.0
# A server that answers slowly must not keep the readings waiting.
LEARN_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOptions:
    """How to treat the UPS."""

    version: str
    """Version of the product, for ``driver.version``."""
    timing: Timing = REMOTE_TIMING
    battery_packs: int = 1
    """How often the reported battery voltage has to be taken to be that of the whole battery."""


class RemoteUps(PolledUps):
    """One UPS of another NUT server, as if it were on our own link.

    Reading needs no account; commands and settings are offered to one that the server accepts. One
    that is refused shows in `account_error`.

    ``start`` raises ServerUnreachableError where nothing is there, AddressNotAllowedError where the
    server wants our address to be allowed first, NotANutServerError where it is something else,
    UnknownUpsError, which names the UPSes that the server has, NoDataError where it has no readings
    at the moment, and ReplyTimeoutError where it is silent.
    """

    def __init__(
        self,
        server: RemoteServer,
        ups: str,
        *,
        options: RemoteOptions,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to read `ups` of `server`; nothing is opened yet.

        Args:
            server: where it is, with the account if there is one.
            ups: its name there, such as ``qnapups`` or ``ups``.
            options: how to treat it.
            monotonic: the clock that states tell their times on, in seconds.
        """
        label = f"{server.label}/{ups}"
        super().__init__(label=label, timing=options.timing, monotonic=monotonic)
        self._server = server
        self._ups = ups
        self._options = options
        self._driver_variables = driver_variables(
            label, version=options.version, timing=options.timing
        )
        self._reader = UpsdReader(server, ups)
        self._control = RemoteControl(server, ups)
        self._tracker = RemoteStatusTracker()
        self._account_error: CredentialsRefusedError | None = None

    @property
    def account_error(self) -> CredentialsRefusedError | None:
        """Why the account is not accepted; the readings do not depend on it."""
        return self._account_error

    @property
    def unique_id(self) -> str:
        """What stays the same: the serial number, else ``host:port/ups``; complete after start."""
        return self._state.serial or self._label.lower()

    @property
    def commands(self) -> Mapping[str, RemoteCommand]:
        """The instant commands that the server lists, by NUT name; empty without an account.

        Which of them the account may run, upsd does not tell before one is run.
        """
        return self._control.commands

    @property
    def writable(self) -> Mapping[str, Writable]:
        """The variables that the account may set, by NUT name; complete after ``start``."""
        return self._control.writable

    async def command(self, name: str, value: str | None = None) -> None:
        """Let the server run an instant command; return when its driver has reported success.

        Servers before NUT 2.8 only say that they told their driver, and that has to do.

        Args:
            name: one of `commands`.
            value: handed on as it is.

        Raises:
            NotSupportedError: it is not offered.
            OutOfRangeError: the value is refused.
            CommandNotAllowedError: the account may not.
            CommandRejectedError: the driver refuses.
            UnconfirmedError: sent, but nobody says what became of it; it is not sent again.
            CredentialsRefusedError: the account is not accepted.
            UpsError: the server could not be told.
        """
        await self._control.command(name, value)

    async def set_variable(self, name: str, value: str) -> None:
        """Let the server set a variable; raises as `command` does.

        Args:
            name: one of `writable`.
            value: the new value, in our spelling where the server's differs.
        """
        await self._control.set_variable(name, value)

    @override
    async def _prepare(self) -> None:
        self._account_error = None

    @override
    async def _disconnect(self) -> None:
        self._reader.close()

    @override
    async def _connect(self) -> None:
        """Prove the server and the name of the UPS, and read it; the state is published."""
        async with UpsdSession(self._server) as session:
            names = tuple(await session.list_ups())
        if self._ups.lower() not in map(str.lower, names):
            raise UnknownUpsError(self._server.label, self._ups, names)
        self._tracker = self._tracker.successor()
        await self._poll_once()

    @override
    async def _poll(self) -> None:
        while True:
            timing = self._timing
            interval = timing.poll_on_battery_s if self._state.on_battery else timing.poll_s
            await asyncio.sleep(interval)
            try:
                await self._poll_once()
            except NoDataError as err:
                # The connection is as it should be; the server will have data again.
                self._note_loss(err)

    async def _poll_once(self) -> None:
        """Read and publish; what is new of the power is confirmed at once.

        That a second answer says the same only proves that the server was not in the middle of a
        change: its driver asks the unit every few seconds, and judging the unit is up to it.
        """
        found, status = await self._read()
        if self._tracker.wants_confirmation:
            found, status = await self._read()
        now = self._monotonic()
        state = assemble_remote(
            RemoteObservation(
                found=found,
                status=status,
                read_at=now,
                driver=self._driver_variables,
                battery_packs=self._options.battery_packs,
            )
        )
        self._publish_state(state)

    async def _read(self) -> tuple[Mapping[str, str], RemoteStatus]:
        found = known_variables(await self._reader.variables())
        return found, self._tracker.feed(found, self._monotonic())

    @override
    async def _learn(self) -> None:
        """Find out what the account may do, again and again until the server says it."""
        while self._control.has_account:
            try:
                async with asyncio.timeout(LEARN_LIMIT_S):
                    await self._control.learn()
            except CredentialsRefusedError as err:
                _LOGGER.warning("%s", err)
                self._account_error = err
                break
            except (UpsError, TimeoutError) as err:
                _LOGGER.debug("%s: commands and settings not known yet: %s", self._label, err)
            else:
                self._account_error = None
                break
            self._first_round_over.set()
            await asyncio.sleep(LEARN_AGAIN_S)
        self._first_round_over.set()

    @override
    def _note_loss(self, err: UpsError) -> None:
        super()._note_loss(err)
        if isinstance(err, OldDataError):
            # They were old before the server said so.
            self._go_stale()
