"""What can go wrong between us and somebody else's NUT server."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from .errors import (
    CommandRejectedError,
    InvalidReplyError,
    NotAUpsError,
    NotSupportedError,
    OutOfRangeError,
    TransportError,
    UpsError,
)


class ServerUnreachableError(TransportError):
    """No connection to the address: wrong name or port, switched off, or a firewall."""


class AddressNotAllowedError(TransportError):
    """The server does not talk to our address.

    NUT 2.0 to 2.2, and the QNAP firmware made from it, accept the connection and close it at once.
    """

    def __init__(self, label: str, address: str | None = None) -> None:
        """Name the server, and our `address` as far as it can be seen from here."""
        super().__init__(
            f"{label} closes the connection at once: add this address"
            f"{f' ({address})' if address else ''} on the NAS, to those that may use its UPS"
        )
        self.address = address
        """What has to be added there; None where it could not be told."""


class NotANutServerError(NotAUpsError):
    """Something answers, but it is no NUT server."""


class UnknownUpsError(UpsError):
    """The server has no UPS of that name."""

    def __init__(self, label: str, ups: str, names: tuple[str, ...] = ()) -> None:
        """Say which `names` there are instead, as far as they are known."""
        offer = f"it has {', '.join(names)}" if names else "it names none"
        super().__init__(f"{label} has no UPS {ups}; {offer}")
        self.names = names


class CredentialsRefusedError(UpsError):
    """The server does not accept user name and password."""


class NoDataError(UpsError):
    """The server answers, but has no readings of the UPS at the moment."""


class OldDataError(NoDataError):
    """The server's readings are too old: its driver hears nothing from the UPS."""


class CommandNotAllowedError(CommandRejectedError):
    """The account has no right to do this."""


class UpsdRefusal(Exception):  # noqa: N818 - it is the server's word, not yet an error of ours
    """The server answered ``ERR``; it never leaves this package."""

    def __init__(self, reply: str) -> None:
        """Take over what stands behind ``ERR``."""
        super().__init__(reply)
        self.word = reply.partition(" ")[0]


type _Error = Callable[[str], UpsError]

_READING: Mapping[str, _Error] = MappingProxyType(
    {
        "ACCESS-DENIED": AddressNotAllowedError,
        "DATA-STALE": lambda label: OldDataError(f"{label}: the server's data is stale"),
        "DRIVER-NOT-CONNECTED": lambda label: NoDataError(f"{label}: the server has no driver"),
        "UNKNOWN-UPS": lambda label: UnknownUpsError(*label.partition("/")[::2]),
    }
)

_ORDERING: Mapping[str, type[UpsError]] = MappingProxyType(
    {
        "ACCESS-DENIED": CommandNotAllowedError,
        "CMD-NOT-SUPPORTED": NotSupportedError,
        "VAR-NOT-SUPPORTED": NotSupportedError,
        "READONLY": NotSupportedError,
        "INVALID-VALUE": OutOfRangeError,
        "INVALID-ARGUMENT": OutOfRangeError,
        "TOO-LONG": OutOfRangeError,
        "DATA-STALE": OldDataError,
        "DRIVER-NOT-CONNECTED": NoDataError,
        "USERNAME-REQUIRED": CredentialsRefusedError,
        "PASSWORD-REQUIRED": CredentialsRefusedError,
        "INVALID-USERNAME": CredentialsRefusedError,
        "INVALID-PASSWORD": CredentialsRefusedError,
    }
)


def reading_error(label: str, refusal: UpsdRefusal) -> UpsError:
    """Return what a refused question means; `label` is ``host:port/ups``."""
    make = _READING.get(refusal.word)
    if make is not None:
        return make(label)
    return InvalidReplyError(f"{label}: the server answered ERR {refusal}")


def ordering_error(what: str, refusal: UpsdRefusal) -> UpsError:
    """Return what a refused command or setting means; `what` names it."""
    kind = _ORDERING.get(refusal.word, CommandRejectedError)
    return kind(f"{what}: the server answered {refusal}")
