"""Diagnostics: everything that helps to find a fault, and nothing that is nobody's business."""

from collections.abc import Container, Iterator
from dataclasses import asdict, replace
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant

from .const import (
    CONF_ALLOWED_NETWORKS,
    CONF_BROADCAST,
    CONF_CERTIFICATE,
    CONF_EXPECTED_CLIENTS,
    CONF_MAC,
    CONF_NETWORKS,
    CONF_PASSWORD_HASH,
    CONF_PRIVATE_KEY,
    CONF_SECURE_ON,
    CONF_WEBHOOK_URL,
)
from .coordinator import OmronConfigEntry, OmronRuntimeData
from .driver import Ups, make_dump
from .nut_service import NutService
from .plan_service import PlanService
from .shutdown.kinds import KINDS, secret_names

# What a target's options hold beside the secrets that its kind names: where it is, who we are
# there, and texts in which people put passwords.
_OF_TARGETS: Final = frozenset(
    {
        CONF_BROADCAST,
        CONF_MAC,
        CONF_SECURE_ON,
        "action_data",
        "check_command",
        "command",
        "confirm_value",
        "host_key",
        "peers",
        "public_key",
        "restore_command",
        "restore_data",
        "tls_authority",
        "tls_name",
        "token_id",
        "wake_data",
    }
)
TO_REDACT: Final = (
    frozenset[str]().union(*map(secret_names, KINDS.values()))
    | _OF_TARGETS
    | {
        CONF_ALLOWED_NETWORKS,
        CONF_CERTIFICATE,
        CONF_EXPECTED_CLIENTS,
        CONF_HOST,
        CONF_NETWORKS,
        CONF_PASSWORD,
        CONF_PASSWORD_HASH,
        CONF_PRIVATE_KEY,
        CONF_USERNAME,
        CONF_WEBHOOK_URL,
        "address",
        "device.contact",
        "device.location",
        "device.macaddr",
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
            # What scripts/dump-ups writes: it can be replayed as a simulated device. Another NUT
            # server hands on no replies of its unit.
            "dump": make_dump(data.ups) if isinstance(data.ups, Ups) else None,
            "nut": _nut(data.nut, {*data.ups.state.variables, *data.ups.commands}),
            "discord": [
                {"is_gone": channel.is_gone, "waiting": channel.waiting}
                for channel in data.discord.channels.values()
            ],
            "plan": _plan(data.plan),
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


def _nut(nut: NutService, known: Container[str]) -> dict[str, Any]:
    server = nut.server
    return {
        "is_serving": nut.is_serving,
        "has_tls": server is not None and server.has_tls,
        "statistics": None if server is None else asdict(server.statistics),
        "clients": [asdict(client) for client in nut.clients],
        "forced_shutdowns": list(nut.forced_shutdowns.names),
        "audit": list(_audit(nut, known)),
    }


def _plan(plan: PlanService) -> dict[str, Any]:
    """Return how the plan stands and how its last run went; its texts hold no secrets."""
    runner, report = plan.runner, plan.runner.last_report
    return {
        "state": runner.state,
        "armed": runner.is_armed,
        "maintenance": runner.is_in_maintenance,
        "open": runner.is_open,
        "needs_s": runner.needs_s,
        "margin_s": runner.margin_s,
        "targets": {
            spec.target_id: {"kind": spec.kind, "stage": spec.stage, "state": state}
            for spec in plan.specs
            if (state := runner.target_states.get(spec.target_id)) is not None
        },
        "findings": [
            {"severity": item.severity.name, "key": item.key, "target": item.target_id}
            for item in plan.findings
        ],
        "last_run": None if report is None else report.as_json(),
    }


def _audit(nut: NutService, known: Container[str]) -> Iterator[dict[str, Any]]:
    """Yield what clients did; of what they wanted only the names that we know ourselves.

    Who mistypes a request may have put a password into it.
    """
    for record in nut.audit:
        subject = record.detail.partition(" ")[0]
        is_harmless = not subject or subject in known
        yield {**asdict(record), "detail": subject if is_harmless else REDACTED}


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
