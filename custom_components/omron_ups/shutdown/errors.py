"""What can go wrong between the plan and a host; no text of these holds a secret."""

from collections.abc import Sequence

from .models import Finding, Outcome, Reply


class ShutdownError(Exception):
    """Base of every error that leaves this package."""

    outcome = Outcome.UNKNOWN
    """What is known of the request that came to nothing."""
    was_sent = True
    """False if the request certainly never left this machine."""

    @property
    def reply(self) -> Reply:
        """The same for the runner."""
        return Reply(outcome=self.outcome, detail=str(self), was_sent=self.was_sent)


class OptionError(ShutdownError, ValueError):
    """What the user configured cannot be used; the text names the option, never its value."""

    outcome = Outcome.REFUSED
    was_sent = False


class RequestError(ShutdownError):
    """A request to a host came to nothing, or nobody knows what it came to."""


class UnreachableError(RequestError):
    """No connection was made, so nothing was sent: the host may be off already."""

    was_sent = False


class NoAnswerError(RequestError):
    """The connection died, or nothing came back in time, after the request may have left."""


class BadAnswerError(RequestError):
    """Something answered that is not what was asked, or not in its language."""


class RefusedError(RequestError):
    """The host said no."""

    outcome = Outcome.REFUSED


class CredentialsRefusedError(RefusedError):
    """The host does not accept who we are: wrong, expired or without the right."""


class IdentityError(RefusedError):
    """The host could not prove to be the one that was configured; nothing was sent."""

    was_sent = False


class IdentityChangedError(IdentityError):
    """Its certificate or host key is another one than the one that was confirmed."""

    def __init__(self, message: str, *, fingerprint: str) -> None:
        """Take what the host shows now, as the confirm dialogue would show it."""
        super().__init__(message)
        self.fingerprint = fingerprint


class NotArmedError(ShutdownError):
    """The plan is not armed, or in maintenance: nothing that has an effect is sent."""


class ArmingRefusedError(ShutdownError):
    """The plan must not be armed as it is configured: it would stop what it runs on."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Take the findings that say why."""
        super().__init__(", ".join(finding.key for finding in findings))
        self.findings = findings


class BusyError(ShutdownError):
    """Another plan is under way, or ended only just now."""


class UnknownTargetError(ShutdownError):
    """There is no target of this id."""
