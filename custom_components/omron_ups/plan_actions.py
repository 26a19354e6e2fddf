"""The actions of the shutdown plan, and its errors in the user's words."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.service import async_get_config_entry

from .const import ATTR_DRY_RUN, ATTR_REASON, ATTR_TARGETS, DOMAIN, LOGGER
from .coordinator import OmronConfigEntry
from .findings_text import async_describe
from .shutdown.errors import (
    ArmingRefusedError,
    BusyError,
    NotArmedError,
    ShutdownError,
    UnknownTargetError,
)

# The first row that fits wins. Each key stands under `exceptions`.
_KEYS: Final[tuple[tuple[type[ShutdownError], str], ...]] = (
    (NotArmedError, "plan_not_armed"),
    (ArmingRefusedError, "plan_arming_refused"),
    (BusyError, "plan_busy"),
    (UnknownTargetError, "plan_unknown_target"),
)
OTHER_KEY: Final = "plan_failed"


@contextmanager
def plan_errors() -> Iterator[None]:
    """Turn errors of the plan into what the user is told.

    Raises:
        HomeAssistantError: the plan did not do it.

    """
    try:
        yield
    except ShutdownError as err:
        key = next((key for kind, key in _KEYS if isinstance(err, kind)), OTHER_KEY)
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders={"detail": str(err)},
        ) from err
    except OSError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="plan_not_stored",
            translation_placeholders={"detail": str(err)},
        ) from err


async def async_start_shutdown(call: ServiceCall) -> ServiceResponse:
    """Stop hosts now; with `dry_run` only try what has no effect, and tell what was found."""
    entry = _entry_of(call)
    plan = entry.runtime_data.plan
    chosen = _chosen(call.hass, entry, call.data.get(ATTR_TARGETS))
    LOGGER.info(
        "Shutdown of %s is asked for%s: %s",
        entry.title,
        " as a dry run" if call.data[ATTR_DRY_RUN] else "",
        call.data.get(ATTR_REASON, "no reason given"),
    )
    with plan_errors():
        if call.data[ATTR_DRY_RUN]:
            report = await plan.runner.rehearse(chosen)
            return {"plan_id": report.plan_id, "report": dict(report.as_json())}
        plan_id = await plan.runner.start_shutdown(targets=chosen)
    return {"plan_id": plan_id}


async def async_cancel_shutdown(call: ServiceCall) -> None:
    """Stop nobody any more, and take back what can be."""
    with plan_errors():
        await _entry_of(call).runtime_data.plan.runner.cancel()


async def async_preview_shutdown(call: ServiceCall) -> ServiceResponse:
    """Tell who would stop when, what could go wrong, and how the last run went."""
    entry = _entry_of(call)
    plan = entry.runtime_data.plan
    report = plan.runner.last_report
    return {
        "armed": plan.runner.is_armed,
        "state": plan.runner.state.value,
        "timeline": plan.preview().as_json(),
        "findings": await async_describe(call.hass, plan.findings, ups=entry.title),
        "unconfirmed": [s.name for s in plan.specs if plan.confirmed_at(s.target_id) is None],
        "last_run": None if report is None else dict(report.as_json()),
    }


async def async_check_targets(call: ServiceCall) -> ServiceResponse:
    """Look at all targets without any effect, and tell what is wrong."""
    entry = _entry_of(call)
    with plan_errors():
        findings = await entry.runtime_data.plan.async_check()
    names = {spec.target_id: spec.name for spec in entry.runtime_data.plan.specs}
    return {
        "findings": [
            {
                "target": names.get(item.target_id),
                "severity": item.severity.name.lower(),
                "key": item.key,
                "text": await async_describe(call.hass, [item], ups=entry.title),
            }
            for item in findings
        ]
    }


def _chosen(
    hass: HomeAssistant, entry: OmronConfigEntry, targets: Collection[str] | None
) -> tuple[str, ...] | None:
    """Return the ids of targets that are given by name, device or id.

    Raises:
        ServiceValidationError: there is no such target.

    """
    if targets is None:
        return None
    devices = dr.async_get(hass)
    known: dict[str, set[str]] = {}
    for spec in entry.runtime_data.plan.specs:
        device = devices.async_get_device_by_identifier((DOMAIN, spec.target_id), entry.entry_id)
        device_ids = () if device is None else (device.id,)
        for name in (spec.name, spec.target_id, *device_ids):
            known.setdefault(name.casefold(), set()).add(spec.target_id)
    # A name that two targets share does not say which of them is meant.
    unknown = [name for name in targets if len(known.get(name.casefold(), ())) != 1]
    if unknown:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="plan_unknown_target",
            translation_placeholders={"detail": ", ".join(unknown)},
        )
    return tuple(target_id for name in targets for target_id in known[name.casefold()])


def _entry_of(call: ServiceCall) -> OmronConfigEntry:
    entry: OmronConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return entry
