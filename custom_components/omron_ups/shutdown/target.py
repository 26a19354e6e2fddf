"""The contract that every kind of target implements."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import ShutdownError
from .models import NOTHING, Finding, HostState, Observation, Outcome, Reason, Reply
from .specs import TargetSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StopStep:
    """One request on the way to stopping a target; the order of `Target.steps` is theirs."""

    key: str
    """Stays the same over releases: it stands in journals."""
    irreversible: bool = True
    """Whether this is the target's point of no return: what was done before it can be undone by
    `Target.restore`, from it on the target is finished and started again."""
    resend_after_s: float | None = None
    """After this many seconds in which the host is demonstrably up (`HostState.UP`, without a
    break) the request is sent once more. None for hosts that show no sign of having begun."""
    is_awaited: bool = False
    """Whether `Target.is_step_done` must say so before the next step is sent (guests off before
    the node), at the latest when the step's time is up. The last step is never awaited this
    way: `observe` and the network tell when the host is down."""
    repeats_when_short: bool = False
    """Whether it is sent once more if low battery comes after it, and before its end: for kinds
    that then hurry what they began, without harm to what is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopContext:
    """What a target must know about the plan in which it is stopped."""

    plan_id: str
    reason: Reason
    time_left_s: float
    """Until this step's deadline."""
    is_short: bool = False
    """Low battery: no graceful waits, minimum grace."""


class Target(ABC):
    """One host, or group of hosts, as its kind reaches it.

    All methods may be called at any time after `open`, also while the host is off. Each bounds
    itself in time, 15 s for a request at most, and may be cancelled at any await. None but `send`,
    `escalate`, `restore`, `release` and `wake` has a side effect on the host. No exception but
    `CancelledError` is expected of a caller to be handled one by one: the runner isolates targets
    from each other and takes any exception for `Outcome.UNKNOWN` or `HostState.UNKNOWN`. Texts
    that are returned or raised hold no secret.
    """

    steps: tuple[StopStep, ...] = ()
    """At least one; exactly one irreversible step, the last, unless all can be undone."""

    def __init__(self, spec: TargetSpec) -> None:
        """Take the configuration; nothing is opened."""
        self.spec = spec

    async def open(self) -> None:
        """Load what must not be loaded for the first time during an outage (imports, keys)."""

    async def close(self) -> None:
        """Let go of connections; may be called again."""

    @abstractmethod
    async def preflight(self) -> Sequence[Finding]:
        """Check reachability, TLS, credential, privilege and objects, without any effect.

        At most one login. Returns what is wrong, nothing if all is well.
        """

    async def rehearse(self) -> Sequence[str]:
        """Return, in English, what would be stopped, tried on the server where it has a dry run."""
        return ()

    @abstractmethod
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        """Send one step's request, once. Idempotent as far as the host allows."""

    async def is_step_done(self, step: StopStep) -> bool:
        """Return whether an awaited step has come to its end."""
        return True

    async def escalate(self, step: StopStep, context: StopContext) -> Reply:
        """Do a step the harder way after its time is up (hard guest stop, pod DELETE).

        NOTHING_TO_DO if there is no harder way.
        """
        return Reply(outcome=Outcome.NOTHING_TO_DO)

    async def observe(self) -> Observation:
        """Return what the host itself shows; UNKNOWN if this kind can only look at the network."""
        return Observation(state=HostState.UNKNOWN)

    @property
    def has_own_evidence(self) -> bool:
        """Whether `observe` can be conclusive; else two signals of `spec.verify` are needed."""
        return False

    @property
    def learned_options(self) -> Mapping[str, object]:
        """Options in a newer form than the configured one, for the owner to store.

        What a target found out by itself and was proven to it (a renewed certificate that a peer
        vouches for), so that no restart takes it away.
        """
        return NOTHING

    @property
    def suggested_options(self) -> Mapping[str, object]:
        """What the last preflight saw that would fit options which the user left empty."""
        return NOTHING

    async def uses_left(self) -> int | None:
        """Return how many clients still use this host's storage; None if it cannot tell."""
        return None

    async def reassert(self, step: StopStep) -> None:
        """Make good what a restart of ours, or `hold`, took away from a step that was sent."""

    async def hold(self) -> None:
        """Begin nothing further by itself (rounds of evictions): power is back, but not for sure.

        What was done stays: `restore` takes it back, or `reassert` goes on with it.
        """

    async def release(self) -> None:
        """Take back what would stop hosts again when they come back (FSD).

        Called once mains is stable and before anything is woken, and again after a restart.
        """

    async def restore(self, steps: Sequence[StopStep]) -> Reply:
        """Take back the steps that were sent, on a host that is up; only ours, idempotent.

        Called before the point of no return when power is back, and after the host came back.
        """
        return Reply(outcome=Outcome.NOTHING_TO_DO)

    @property
    def can_wake(self) -> bool:
        """Whether this kind has its own way to start the host; Wake-on-LAN is the runner's."""
        return False

    @property
    def wakers(self) -> frozenset[str]:
        """Addresses of the machines that `wake` needs, any of them; empty: it needs none."""
        return frozenset()

    async def wake(self) -> Reply:
        """Start the host in this kind's own way."""
        return Reply(outcome=Outcome.NOTHING_TO_DO)

    async def is_ready(self) -> bool | None:
        """Return whether the host's service works again; None if only the network can tell."""
        return None


class SecondFactor(ABC):
    """What a target has in addition whose host may want a code of the second factor, once."""

    code_findings: frozenset[str] = frozenset()
    """Keys of the findings of its preflight that a code cures."""

    @abstractmethod
    async def obtain_device_token(self, code: str) -> str:
        """Log in with a code; return the token that replaces it from then on, a secret.

        Raises:
            ShutdownError: the code is wrong, or something else keeps us out.

        """

    @abstractmethod
    def explain(self, error: ShutdownError) -> Finding:
        """Return what an error of the login means for the user."""
