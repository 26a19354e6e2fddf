"""What can go wrong while NUT clients are served."""


class NutServerError(Exception):
    """Base of all errors of the NUT server."""


class PortInUseError(NutServerError):
    """Another program listens on the address and port already."""


class AddressNotAvailableError(NutServerError):
    """The host to listen on is no address of this machine."""


class NameTakenError(NutServerError):
    """Another UPS of the same server has that name or alias already."""


class InvalidNameError(NutServerError):
    """A UPS name contains what no NUT client could ask for."""


class InvalidPasswordHashError(NutServerError):
    """A stored password is not what hash_password() returned."""


class RequestTooLongError(NutServerError):
    """A request has more bytes than the server accepts."""
