"""What can go wrong between us and the UPS, named so that a caller can tell the user what to do."""


class UpsError(Exception):
    """Base of every error that leaves this package."""


class TransportError(UpsError):
    """The link failed; it must be opened again before the next exchange."""


class DeviceNotFoundError(TransportError):
    """Nothing is at the given port, address or USB place."""


class DeviceBusyError(TransportError):
    """Another program holds the device (EBUSY, or an exclusive lock)."""


class DevicePermissionError(TransportError):
    """This process may not open the device."""


class NoBackendError(TransportError):
    """There is no libusb on this machine, or it has no access to the USB bus."""


class ReplyTimeoutError(UpsError, TimeoutError):
    """No complete reply came within the time limit of the link."""


class InvalidReplyError(UpsError):
    """The reply has not the shape that the request asks for."""


class RejectedError(UpsError):
    """The UPS does not know the request: it answered ``NAK``."""


class EchoError(RejectedError):
    """The UPS sent the request back, which is how Megatec units say that they do not know it."""


class NotAUpsError(UpsError):
    """Something is there, but it does not answer Q1 as a UPS does."""


class CommandError(UpsError):
    """Base of what can go wrong with a command or a setting, beside the link itself."""


class NotSupportedError(CommandError):
    """This unit does not offer the command, or the variable cannot be written."""


class OutOfRangeError(CommandError, ValueError):
    """The value is not one that the unit can take; the text says which are."""


class CommandRejectedError(CommandError):
    """The UPS refused: it answered ``NAK``, or sent the request back."""


class UnconfirmedError(CommandError):
    """The UPS did not acknowledge, and nothing that it says since shows that it obeyed."""


class SettingMemoryError(CommandError):
    """A setting that has to be restored later could not be stored, so nothing was sent."""
