"""Diagnostics: everything that helps to find a fault, and nothing that is nobody's business."""

from dataclasses import asdict, replace
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant

from .const import CONF_ALLOWED_NETWORKS, CONF_PASSWORD_HASH
from .coordinator import OmronConfigEntry, OmronRuntimeData

TO_REDACT: Final = frozenset(
    {
        CONF_ALLOWED_NETWORKS,
        CONF_HOST,
        CONF_PASSWORD,
        CONF_PASSWORD_HASH,
        CONF_USERNAME,
        "address",
        "device.serial",
        "driver.parameter.port",
        "serial",
        "title",
        "unique_id",
        "ups.serial",
    }
)


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: OmronConfigEntry
) -> dict[str, Any]:
    """Return what is known of the entry and its UPS."""
    data = entry.runtime_data
    return async_redact_data(
        {
            "data": {**entry.data, **_public_device(entry)},
            "options": dict(entry.options),
            "subentries": [
                {"type": subentry.subentry_type, **subentry.data}
                for subentry in entry.subentries.values()
            ],
            "ups": _ups(data),
            "nut": {
                "is_serving": data.nut.is_serving,
                "clients": [asdict(client) for client in data.nut.clients],
            },
            "outages": asdict(data.outage_log.outages),
        },
        TO_REDACT,
    )


def _ups(data: OmronRuntimeData) -> dict[str, Any]:
    state, error = data.ups.state, data.ups.last_error
    return {
        "age": data.ups.age,
        # Its text may name the device.
        "last_error": None if error is None else type(error).__name__,
        "state": asdict(replace(state, read_times={}, variables={})),
        "variables": dict(state.variables),
    }


def _public_device(entry: OmronConfigEntry) -> dict[str, str]:
    """Return the device, unless it says more than which serial port of this machine it is.

    Paths by id hold the serial number of the adapter, URLs hold addresses and keys.
    """
    device: str | None = entry.data.get(CONF_DEVICE)
    if device is None:
        return {}
    scheme, separator, _ = device.partition("://")
    if separator:
        return {CONF_DEVICE: f"{scheme}://{REDACTED}"}
    return {CONF_DEVICE: device if device.startswith("/dev/tty") else REDACTED}
