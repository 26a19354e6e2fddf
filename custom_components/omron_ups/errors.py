"""The one place where errors of the inner packages become words for the user."""

from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers.update_coordinator import UpdateFailed

from .const import DOMAIN
from .driver import (
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    NotAUpsError,
    ReplyTimeoutError,
    UpsError,
)

# The first row that fits wins. Each key stands under `config.error` and under `exceptions`.
_KEYS: tuple[tuple[type[UpsError], str], ...] = (
    (DevicePermissionError, "device_permission"),
    (DeviceBusyError, "device_busy"),
    (DeviceNotFoundError, "device_not_found"),
    (NotAUpsError, "not_a_ups"),
    (ReplyTimeoutError, "no_reply"),
)


def error_key(err: UpsError | None) -> str:
    """Return the translation key that tells the user what to do about the error."""
    return next((key for kind, key in _KEYS if isinstance(err, kind)), "cannot_connect")


def not_ready(err: UpsError) -> ConfigEntryNotReady:
    """Return what makes Home Assistant try the set-up again later."""
    return ConfigEntryNotReady(translation_domain=DOMAIN, translation_key=error_key(err))


def update_failed(err: UpsError | None) -> UpdateFailed:
    """Return what makes the readings unavailable; `err` is the driver's last error."""
    return UpdateFailed(translation_domain=DOMAIN, translation_key=error_key(err))
