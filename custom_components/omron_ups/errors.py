"""The one place where errors of the inner packages become words for the user."""

from collections.abc import Mapping
from typing import Final

from homeassistant.exceptions import ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers.update_coordinator import UpdateFailed

from .const import DOMAIN, ConnectionKind
from .driver import (
    AddressNotAllowedError,
    CommandNotAllowedError,
    CommandRejectedError,
    CredentialsRefusedError,
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    NoBackendError,
    NoDataError,
    NotANutServerError,
    NotAUpsError,
    NotSupportedError,
    OldDataError,
    ReplyTimeoutError,
    ServerUnreachableError,
    SettingMemoryError,
    UnconfirmedError,
    UnknownUpsError,
    UpsError,
)

# The first row that fits wins. Each key stands under `config.error` and under `exceptions`.
_KEYS: tuple[tuple[type[UpsError], str], ...] = (
    (DevicePermissionError, "device_permission"),
    (DeviceBusyError, "device_busy"),
    (DeviceNotFoundError, "device_not_found"),
    (NoBackendError, "no_usb_access"),
    (ServerUnreachableError, "server_unreachable"),
    (AddressNotAllowedError, "address_not_allowed"),
    (NotANutServerError, "not_a_nut_server"),
    (CredentialsRefusedError, "credentials_refused"),
    (UnknownUpsError, "unknown_ups"),
    (OldDataError, "old_data"),
    (NoDataError, "no_data"),
    (NotAUpsError, "not_a_ups"),
    (ReplyTimeoutError, "no_reply"),
)

# Keys under `config.error` where the cure is another one, because of the kind of connection.
_USB_KEYS: tuple[tuple[type[UpsError], str], ...] = (
    (DevicePermissionError, "usb_permission"),
    (DeviceBusyError, "usb_busy"),
    (DeviceNotFoundError, "usb_not_found"),
)

_NUT_KEYS: tuple[tuple[type[UpsError], str], ...] = ((ReplyTimeoutError, "server_silent"),)
_KIND_KEYS: Final[Mapping[ConnectionKind, tuple[tuple[type[UpsError], str], ...]]] = {
    ConnectionKind.USB_DEVICE: _USB_KEYS,
    ConnectionKind.NUT: _NUT_KEYS,
}

# Keys under `exceptions` for a request that the UPS did not carry out.
REQUEST_KEYS: Final[Mapping[type[UpsError], str]] = {
    CommandNotAllowedError: "request_not_allowed",
    CommandRejectedError: "request_refused",
    NotSupportedError: "request_not_supported",
    SettingMemoryError: "setting_not_stored",
    UnconfirmedError: "request_unconfirmed",
}


def error_key(err: UpsError | None) -> str:
    """Return the translation key that tells the user what to do about the error."""
    return next((key for kind, key in _KEYS if isinstance(err, kind)), "cannot_connect")


def flow_error_key(err: UpsError, kind: ConnectionKind) -> str:
    """Return the translation key that tells the user of a flow what to do about the error."""
    rows = _KIND_KEYS.get(kind, ())
    return next((key for cause, key in rows if isinstance(err, cause)), error_key(err))


def flow_error_placeholders(err: UpsError) -> dict[str, str]:
    """Return what the texts of `config.error` name."""
    address = err.address if isinstance(err, AddressNotAllowedError) else None
    return {"own_address": f" ({address})" if address else ""}


def not_ready(err: UpsError) -> ConfigEntryNotReady:
    """Return what makes Home Assistant try the set-up again later."""
    return ConfigEntryNotReady(translation_domain=DOMAIN, translation_key=error_key(err))


def update_failed(err: UpsError | None) -> UpdateFailed:
    """Return what makes the readings unavailable; `err` is the driver's last error."""
    return UpdateFailed(translation_domain=DOMAIN, translation_key=error_key(err))


def request_failed(err: UpsError, name: str) -> HomeAssistantError:
    """Return what tells the user that the UPS did not do what `name`, in NUT's words, stands for.

    Where the link failed, the words are those for every failure of the link.
    """
    keys = (key for kind, key in REQUEST_KEYS.items() if isinstance(err, kind))
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=next(keys, error_key(err)),
        translation_placeholders={"name": name},
    )
