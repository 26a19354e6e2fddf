"""The one place where errors of the inner packages become words for the user."""

from collections.abc import Mapping
from typing import Final

from homeassistant.exceptions import ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers.update_coordinator import UpdateFailed

from .const import DOMAIN
from .driver import (
    CommandRejectedError,
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    NoBackendError,
    NotAUpsError,
    NotSupportedError,
    ReplyTimeoutError,
    SettingMemoryError,
    UnconfirmedError,
    UpsError,
)

# The first row that fits wins. Each key stands under `config.error` and under `exceptions`.
_KEYS: tuple[tuple[type[UpsError], str], ...] = (
    (DevicePermissionError, "device_permission"),
    (DeviceBusyError, "device_busy"),
    (DeviceNotFoundError, "device_not_found"),
    (NoBackendError, "no_usb_access"),
    (NotAUpsError, "not_a_ups"),
    (ReplyTimeoutError, "no_reply"),
)

# Keys under `config.error` where the cure at a USB port is another one.
_USB_KEYS: tuple[tuple[type[UpsError], str], ...] = (
    (DevicePermissionError, "usb_permission"),
    (DeviceBusyError, "usb_busy"),
    (DeviceNotFoundError, "usb_not_found"),
)

# Keys under `exceptions` for a request that the UPS did not carry out.
REQUEST_KEYS: Final[Mapping[type[UpsError], str]] = {
    CommandRejectedError: "request_refused",
    NotSupportedError: "request_not_supported",
    SettingMemoryError: "setting_not_stored",
    UnconfirmedError: "request_unconfirmed",
}


def error_key(err: UpsError | None) -> str:
    """Return the translation key that tells the user what to do about the error."""
    return next((key for kind, key in _KEYS if isinstance(err, kind)), "cannot_connect")


def usb_error_key(err: UpsError) -> str:
    """Return the translation key that tells the user what to do about the error at a USB port."""
    return next((key for kind, key in _USB_KEYS if isinstance(err, kind)), error_key(err))


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
