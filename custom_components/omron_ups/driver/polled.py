"""The life cycle that every UPS we poll has: start, watch, lose, come back, stop."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Callable, Mapping
import contextlib
from dataclasses import replace
import logging
from types import MappingProxyType

from .errors import UpsError
from .models import UpsState
from .options import Timing

_LOGGER = logging.getLogger(__name__)

DRIVER_NAME = "omron_ups"
DRIVER_VERSION = "1.0"
"""Version of this driver by itself, for ``driver.version.internal``."""
INTERNAL_ERROR = "internal error, see the log"

type StateCallback = Callable[[UpsState], None]


class PolledUps(ABC):
    """Polls from ``start`` to ``stop``, and connects again whenever the connection is lost.

    Every subscriber is called with a new UpsState at each good poll, and once when the readings go
    stale. Subclasses connect, poll and disconnect; this class keeps the order.
    """

    def __init__(self, *, label: str, timing: Timing, monotonic: Callable[[], float]) -> None:
        """Prepare without opening anything.

        Args:
            label: what ``driver.parameter.port`` and log lines show.
            timing: the clockwork.
            monotonic: the clock that states tell their times on, in seconds.
        """
        self._label = label
        self._timing = timing
        self._monotonic = monotonic
        self._subscribers: list[StateCallback] = []
        self._state = UpsState()
        self._last_error: UpsError | None = None
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
    def age(self) -> float | None:
        """Seconds since the last good poll, None before the first."""
        read_at = self._state.read_at
        return None if read_at is None else self._monotonic() - read_at

    @property
    def is_running(self) -> bool:
        """Whether ``start`` was called and ``stop`` was not."""
        return self._runner is not None

    def subscribe(self, callback: StateCallback) -> Callable[[], None]:
        """Call `callback` with every state from now on; return the undo, which may be repeated."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._subscribers.remove(callback)

        return unsubscribe

    async def start(self) -> None:
        """Connect, prove that the UPS answers, and read everything that it can tell once.

        Raises:
            UpsError: it cannot be read; the class of the UPS names the errors that say why.
        """
        if self._runner is not None:
            return
        self._last_error = None
        self._first_round_over.clear()
        await self._prepare()
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
        await self._disconnect()

    @abstractmethod
    async def _prepare(self) -> None:
        """Do what comes before the first connection of a start."""

    @abstractmethod
    async def _connect(self) -> None:
        """Connect and prove that the UPS answers; the state is published."""

    @abstractmethod
    async def _disconnect(self) -> None:
        """Give the connection back, whatever state it is in."""

    @abstractmethod
    async def _poll(self) -> None:
        """Read and publish until the connection is lost, which a UpsError tells."""

    @abstractmethod
    async def _learn(self) -> None:
        """Find out beside the polls what else there is; say when the first round is over."""

    def _note_loss(self, err: UpsError) -> None:
        self._last_error = err
        _LOGGER.debug("%s: lost: %s", self._label, err)

    def _publish_state(self, state: UpsState) -> None:
        """Publish a state that has just been read."""
        read_at = self._monotonic() if state.read_at is None else state.read_at
        self._cancel_stale_timer()
        self._stale_timer = asyncio.get_running_loop().call_later(
            read_at + self._timing.stale_after_s - self._monotonic(), self._go_stale
        )
        self._announce(state)

    def _go_stale(self) -> None:
        self._cancel_stale_timer()
        if not self._state.stale:
            self._announce(replace(self._state, stale=True))

    async def _run(self) -> None:
        while True:
            await self._serve_connection()
            # Whoever waits in start() learns from last_error that the round was cut short.
            self._first_round_over.set()
            await self._disconnect()
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
        await self._disconnect()
        return False

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

    def _announce(self, state: UpsState) -> None:
        self._state = state
        for callback in tuple(self._subscribers):
            try:
                callback(state)
            except Exception:
                # One listener's bug must not keep the news from the others.
                _LOGGER.exception("%s: error in a subscriber", self._label)

    def _cancel_stale_timer(self) -> None:
        if self._stale_timer is not None:
            self._stale_timer.cancel()
            self._stale_timer = None


def driver_variables(label: str, *, version: str, timing: Timing) -> Mapping[str, str]:
    """Return the constant ``driver.*`` variables."""
    return MappingProxyType(
        {
            "driver.name": DRIVER_NAME,
            "driver.parameter.pollinterval": f"{timing.poll_s:g}",
            "driver.parameter.port": label,
            "driver.version": version,
            "driver.version.internal": DRIVER_VERSION,
        }
    )
