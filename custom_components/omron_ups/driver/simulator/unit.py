"""The simulated UPS: requests in, replies out, byte for byte."""

from collections import deque
from collections.abc import Callable
import random
import time

from ..errors import DeviceNotFoundError, TransportError
from .commands import QUERIES, WRITES
from .faults import Fault, FaultInjector, FaultKind
from .power import PowerModel
from .profiles import DEFAULT_PROFILE, PROFILES, SimulatorProfile, UnknownReply

CR = b"\r"
ACCEPTED = "OK"
REJECTED = "NAK"
RECORDED_REQUESTS = 10_000
# Under these the unit does not do what it is told; under the others only its answer suffers.
_NOT_OBEYED = frozenset({FaultKind.NAK, FaultKind.ECHO})


class SimulatedUps(PowerModel):
    """One UPS as its link shows it.

    Pure and synchronous: it owns no task, socket or thread, and time passes only on `clock`.
    """

    answers_while_off = True
    """Whether the link stays up while the output is off and there is mains (not known)."""
    answers_while_dark = False
    """Whether the link stays up while the output is off and there is no mains (not known)."""

    def __init__(
        self,
        profile: SimulatorProfile = PROFILES[DEFAULT_PROFILE],
        *,
        time_scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        """Start on mains with a full battery.

        Args:
            profile: the model to play.
            time_scale: simulated seconds per second of `clock`.
            clock: a monotonic clock in seconds.
            seed: for faults that come with a probability.
        """
        super().__init__(profile, time_scale=time_scale, clock=clock)
        self.requests: deque[bytes] = deque(maxlen=RECORDED_REQUESTS)
        """What arrived of late, byte for byte, the oldest first."""
        self._plugged_in = True
        self._faults = FaultInjector(random.Random(seed))  # noqa: S311  (reproducible, not secret)

    @property
    def plugged_in(self) -> bool:
        """Whether the data cable is connected."""
        return self._plugged_in

    def unplug(self) -> None:
        """Pull the data cable."""
        self._plugged_in = False

    def replug(self) -> None:
        """Put the data cable back; what was on its way is lost."""
        self._plugged_in = True
        self._faults.forget_replies()

    @property
    def reachable(self) -> bool:
        """Whether there is anything to talk to: the cable is in and the unit awake."""
        awake = self.answers_while_off if self.fed else self.answers_while_dark
        return self._plugged_in and (self.output_on or awake)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that still have effect."""
        return self._faults.active

    def inject(self, fault: Fault) -> None:
        """Let the link misbehave from the next request on."""
        self._faults.add(fault)

    def clear_faults(self) -> None:
        """Let the link behave again, cable included."""
        self._faults.clear()
        self.replug()

    def handle(self, request: bytes) -> bytes | None:
        """Return what a serial line would carry back, CR included; ``None`` is silence.

        Args:
            request: with or without its CR; what follows the CR is ignored.
        """
        try:
            pieces = self.deliver(request)
        except TransportError:
            return None
        return b"".join(pieces) if pieces else None

    def deliver(self, request: bytes) -> tuple[bytes, ...]:
        """Return the reply as the reads that a receiver would see; nothing is silence.

        Raises:
            TransportError: the link itself would report an error.
        """
        self.require_link()
        if not self.reachable:
            return ()
        text = request.split(CR)[0].decode("latin-1")
        kinds = self._faults.draw(text)
        if FaultKind.UNPLUG in kinds:
            self.unplug()
            self.require_link()
        if FaultKind.IO_ERROR in kinds:
            raise TransportError("simulated I/O error")
        if FaultKind.LOST_REQUEST in kinds:
            return ()
        self.requests.append(request)
        if kinds & _NOT_OBEYED and text not in self.profile.queries:
            return self._faults.apply(kinds, text, REJECTED)
        return self._faults.apply(kinds, text, self._answer(text))

    def require_link(self) -> None:
        """Do what a link to this unit does when it looks for it.

        Raises:
            DeviceNotFoundError: unplugged, or a USB unit that went dark.
        """
        if not self._plugged_in:
            raise DeviceNotFoundError(f"the simulated {self.profile.name} is unplugged")
        if self.profile.baud is None and not self.reachable:
            raise DeviceNotFoundError(f"the simulated {self.profile.name} is switched off")

    def _answer(self, request: str) -> str | None:
        # What has happened until now happened under the settings until now.
        self.advance()
        if request in self.profile.queries:
            return QUERIES[request](self)
        accepted = self._command(request)
        if not accepted:
            return request if self.profile.unknown is UnknownReply.ECHO else REJECTED
        return ACCEPTED if self.profile.acknowledges else None

    def _command(self, request: str) -> bool:
        for row in WRITES:
            match = row.pattern.fullmatch(request)
            if match and row.family in self.profile.writes:
                accepted = row.act(self, match)
                # Another sensitivity may judge the same mains differently.
                self._notice_input()
                return accepted
        return False
