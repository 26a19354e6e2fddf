"""What can go wrong while NUT clients are served."""

from enum import StrEnum


class NutServerError(Exception):
    """Base of all errors of the NUT server."""


class PortInUseError(NutServerError):
    """Another program listens on the address and port already."""


class AddressNotAvailableError(NutServerError):
    """The host to listen on is no address of this machine."""


class NameTakenError(NutServerError):
    """Another UPS of the same server has that name or alias already."""


class InvalidNameError(NutServerError):
    """A UPS name contains what no NUT client could ask for, or is none of the UPS's names."""


class InvalidPasswordHashError(NutServerError):
    """A stored password is not what hash_password() returned."""


class RequestTooLongError(NutServerError):
    """A request has more bytes than the server accepts."""


class CertificateFault(StrEnum):
    """What is wrong with the files for TLS."""

    CERTIFICATE_UNREADABLE = "certificate_unreadable"
    PRIVATE_KEY_UNREADABLE = "private_key_unreadable"
    PRIVATE_KEY_ENCRYPTED = "private_key_encrypted"
    PRIVATE_KEY_MISMATCH = "private_key_mismatch"


class CertificateError(NutServerError):
    """The files for TLS cannot be used; the message says why in words."""

    def __init__(self, fault: CertificateFault, message: str) -> None:
        """Keep which of the faults it is."""
        super().__init__(message)
        self.fault = fault


class ControlError(NutServerError):
    """The UPS did not do what it was asked to."""


class ControlArgumentError(ControlError):
    """The value or parameter is none that the UPS takes."""


class ControlUnknownError(ControlError):
    """Nobody knows what came of the request."""
