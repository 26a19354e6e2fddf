"""A UPS of another NUT server: keeps the connection up, polls, publishes what is known."""

import asyncio
from collections.abc import Callable, Mapping
import contextlib
from dataclasses import dataclass, replace
import logging
import time
from types import MappingProxyType

from .errors import UpsError
from .models import UpsState, Writable
from .options import Timing
from .remote_control import RemoteCommand, RemoteControl
from .remote_errors import CredentialsRefusedError, NoDataError, OldDataError, UnknownUpsError
from .remote_reader import UpsdReader
from .remote_state import RemoteObservation, assemble_remote
from .remote_status import RemoteStatus, RemoteStatusTracker
from .remote_values import known_variables
from .remote_wire import RemoteServer, UpsdSession
from .ups import DRIVER_NAME, DRIVER_VERSION, INTERNAL_ERROR, StateCallback

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


class RemoteUps:
    """One UPS of another NUT server, as if it were on our own link.

    After ``start`` it polls by itself, connects again whenever the connection is lost, and calls
    every subscriber with a new UpsState at each good poll and once when the readings go stale.
    Reading needs no account; commands and settings are offered to one that the server accepts.
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
        self._server = server
        self._ups = ups
        self._label = f"{server.label}/{ups}"
        self._options = options
        self._timing = options.timing
        self._monotonic = monotonic
        self._driver_variables = _driver_variables(self._label, options)
        self._reader = UpsdReader(server, ups)
        self._control = RemoteControl(server, ups)
        self._tracker = RemoteStatusTracker()
        self._status = RemoteStatus()
        self._subscribers: list[StateCallback] = []
        self._state = UpsState()
        self._last_error: UpsError | None = None
        self._account_error: CredentialsRefusedError | None = None
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
        """Why readings were lost last, None as long as they never were."""
        return self._last_error

    @property
    def account_error(self) -> CredentialsRefusedError | None:
        """Why the account is not accepted; the readings do not depend on it."""
        return self._account_error

    @property
    def age(self) -> float | None:
        """Seconds since the last good poll, None before the first."""
        read_at = self._state.read_at
        return None if read_at is None else self._monotonic() - read_at

    @property
    def is_running(self) -> bool:
        """Whether ``start`` was called and ``stop`` was not."""
        return self._runner is not None

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

    def subscribe(self, callback: StateCallback) -> Callable[[], None]:
        """Call `callback` with every state from now on; return the undo, which may be repeated."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._subscribers.remove(callback)

        return unsubscribe

    async def start(self) -> None:
        """Connect, find the UPS, read it, and ask what the account may do.

        An account that is refused shows in `account_error`.

        Raises:
            ServerUnreachableError: nothing there.
            AddressNotAllowedError: the server wants our address to be allowed first.
            NotANutServerError: it is something else.
            UnknownUpsError: it has no such UPS; the error names those that it has.
            NoDataError: it has no readings at the moment.
            ReplyTimeoutError: it is silent.
        """
        if self._runner is not None:
            return
        self._last_error = self._account_error = None
        self._first_round_over.clear()
        try:
            await self._connect()
            self._runner = asyncio.create_task(self._run(), name=f"{DRIVER_NAME} {self._label}")
            await self._first_round_over.wait()
        except BaseException:
            await self.stop()
            raise
        if (error := self.last_error) is not None:
            await self.stop()
            raise error

    async def stop(self) -> None:
        """Stop polling and disconnect; may be called at any time, and again."""
        if self._runner is not None:
            self._runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._runner
            self._runner = None
        self._cancel_stale_timer()
        # Nobody watches any more; whoever stopped it need not be told.
        self._state = replace(self._state, stale=True)
        self._reader.close()

    async def _run(self) -> None:
        while True:
            await self._serve_connection()
            # Whoever waits in start() learns from last_error that the round was cut short.
            self._first_round_over.set()
            self._reader.close()
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
            self._note_loss(err)
        except Exception:
            # The top of the loop: a bug must not end it, the UPS has to be watched.
            _LOGGER.exception("%s: error while connecting", self._label)
            self._last_error = UpsError(INTERNAL_ERROR)
        else:
            return True
        self._reader.close()
        return False

    async def _connect(self) -> None:
        """Prove the server and the name of the UPS, and read it; the state is published."""
        async with UpsdSession(self._server) as session:
            names = tuple(await session.list_ups())
        if self._ups.lower() not in map(str.lower, names):
            raise UnknownUpsError(self._server.label, self._ups, names)
        self._tracker = RemoteStatusTracker(self._status)
        await self._poll_once()

    async def _serve_connection(self) -> None:
        """Poll until the connection is lost, and say in last_error why it was."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._poll())
                tasks.create_task(self._learn())
        except* UpsError as group:
            self._note_loss(next(err for err in group.exceptions if isinstance(err, UpsError)))
        except* Exception:
            _LOGGER.exception("%s: error in the poll loop", self._label)
            self._last_error = UpsError(INTERNAL_ERROR)

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
        self._status = status
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
        self._arm_stale_timer()
        self._announce(state)

    async def _read(self) -> tuple[Mapping[str, str], RemoteStatus]:
        found = known_variables(await self._reader.variables())
        return found, self._tracker.feed(found, self._monotonic())

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

    def _note_loss(self, err: UpsError) -> None:
        self._last_error = err
        _LOGGER.debug("%s: lost: %s", self._label, err)
        if isinstance(err, OldDataError):
            # They were old before the server said so.
            self._go_stale()

    def _announce(self, state: UpsState) -> None:
        self._state = state
        for callback in tuple(self._subscribers):
            try:
                callback(state)
            except Exception:
                # One listener's bug must not keep the news from the others.
                _LOGGER.exception("%s: error in a subscriber", self._label)

    def _arm_stale_timer(self) -> None:
        self._cancel_stale_timer()
        loop = asyncio.get_running_loop()
        self._stale_timer = loop.call_later(self._timing.stale_after_s, self._go_stale)

    def _cancel_stale_timer(self) -> None:
        if self._stale_timer is not None:
            self._stale_timer.cancel()
            self._stale_timer = None

    def _go_stale(self) -> None:
        self._cancel_stale_timer()
        if not self._state.stale:
            self._announce(replace(self._state, stale=True))


def _driver_variables(label: str, options: RemoteOptions) -> Mapping[str, str]:
    return MappingProxyType(
        {
            "driver.name": DRIVER_NAME,
            "driver.parameter.pollinterval": f"{options.timing.poll_s:g}",
            "driver.parameter.port": label,
            "driver.version": options.version,
            "driver.version.internal": DRIVER_VERSION,
        }
    )
