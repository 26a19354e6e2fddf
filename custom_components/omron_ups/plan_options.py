"""From what the user entered to the plan: the options step `shutdown_plan` and the targets."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry

from .const import (
    CONF_ACTS_AT_LOW_BATTERY,
    CONF_ADDRESS,
    CONF_BROADCAST,
    CONF_CHARGE_BELOW,
    CONF_DATA_LOST,
    CONF_DELAY,
    CONF_GATEWAY,
    CONF_GRACE,
    CONF_HOME_ASSISTANT_HOST,
    CONF_IS_DATA_SOURCE,
    CONF_MAC,
    CONF_MAINS_STABLE,
    CONF_MARGIN_BELOW,
    CONF_MIN_CHARGE,
    CONF_OPTIONS,
    CONF_OWN_TIMER,
    CONF_PING,
    CONF_PORTS,
    CONF_RESTORES,
    CONF_RETURNS,
    CONF_RETURNS_BY_ITSELF,
    CONF_RUNS_ON,
    CONF_RUNTIME_BELOW,
    CONF_SECOND_FEED,
    CONF_SECURE_ON,
    CONF_SHUTDOWN_PLAN,
    CONF_STAGE,
    CONF_TIME_LIMIT,
    CONF_TIME_ON_BATTERY,
    CONF_USES,
    CONF_WAKE_LIMIT,
    SECTION_RELATIONS,
    SECTION_RESTORE,
    SECTION_TRIGGERS,
    SECTION_VERIFY,
    SECTION_WAKE,
    SUBENTRY_DISCORD,
    SUBENTRY_NUT_ACCOUNT,
    SUBENTRY_UPS_OUTPUT,
)
from .shutdown.specs import OutputOptions, Plan, Restore, TargetSpec, Triggers, Verify, WakeOnLan

_MINUTE_S: Final = 60
# Subentries that are no targets with a stage.
_NO_TARGETS: Final = frozenset({SUBENTRY_NUT_ACCOUNT, SUBENTRY_DISCORD, SUBENTRY_UPS_OUTPUT})


def target_subentries(entry: ConfigEntry) -> tuple[ConfigSubentry, ...]:
    """Return the subentries that are targets with a stage, in the order of their making."""
    return tuple(
        item for item in entry.subentries.values() if item.subentry_type not in _NO_TARGETS
    )


def plan_of(entry: ConfigEntry) -> Plan:
    """Return the plan that is configured for a UPS; one without targets if nothing is."""
    options = entry.options.get(CONF_SHUTDOWN_PLAN, {})
    return Plan(
        targets=tuple(target_spec(item) for item in target_subentries(entry)),
        triggers=_triggers(options.get(SECTION_TRIGGERS)),
        restore=_restore(options.get(SECTION_RESTORE, {})),
        output=_output(entry.get_subentries_of_type(SUBENTRY_UPS_OUTPUT)),
        home_assistant_host=options.get(CONF_HOME_ASSISTANT_HOST),
        acts_at_low_battery=options.get(CONF_ACTS_AT_LOW_BATTERY, True),
        gateway=options.get(CONF_GATEWAY, ""),
    )


def target_spec(subentry: ConfigSubentry) -> TargetSpec:
    """Return what a subentry says of its target."""
    return make_spec(
        subentry.data,
        target_id=subentry.subentry_id,
        name=subentry.title,
        kind=subentry.subentry_type,
    )


def make_spec(data: Mapping[str, Any], *, target_id: str, name: str, kind: str) -> TargetSpec:
    """Return what the data of a subentry, stored or still in its form, say of a target."""
    verify = data.get(SECTION_VERIFY, {})
    wake = data.get(SECTION_WAKE, {})
    relations = data.get(SECTION_RELATIONS, {})
    own_timer = relations.get(CONF_OWN_TIMER)
    defaults = TargetSpec(target_id="", name="", kind="", stage=0, time_limit_s=0)
    return TargetSpec(
        target_id=target_id,
        name=name,
        kind=kind,
        stage=int(data[CONF_STAGE]),
        time_limit_s=float(data[CONF_TIME_LIMIT]),
        verify=Verify(
            address=verify.get(CONF_ADDRESS, ""),
            ports=tuple(int(port) for port in verify.get(CONF_PORTS, ())),
            ping=verify.get(CONF_PING, True),
            grace_s=float(verify.get(CONF_GRACE, 0)),
        ),
        wake=_wake(wake),
        wake_limit_s=float(wake.get(CONF_WAKE_LIMIT, defaults.wake_limit_s)),
        returns_by_itself=wake.get(CONF_RETURNS_BY_ITSELF, defaults.returns_by_itself),
        uses=frozenset(relations.get(CONF_USES, ())),
        runs_on=frozenset(relations.get(CONF_RUNS_ON, ())),
        second_feed=relations.get(CONF_SECOND_FEED, ""),
        is_data_source=relations.get(CONF_IS_DATA_SOURCE, False),
        own_timer_s=None if own_timer is None else own_timer * _MINUTE_S,
        options=data.get(CONF_OPTIONS, {}),
    )


def _wake(data: Mapping[str, Any]) -> WakeOnLan | None:
    if not data.get(CONF_MAC):
        return None
    return WakeOnLan(
        mac=data[CONF_MAC],
        broadcast=data.get(CONF_BROADCAST) or WakeOnLan(mac="").broadcast,
        secure_on=data.get(CONF_SECURE_ON, ""),
    )


def _triggers(options: Mapping[str, Any] | None) -> Triggers:
    """Return the triggers; one whose field was emptied is off."""
    if options is None:
        return Triggers()
    return Triggers(
        time_on_battery_s=options.get(CONF_TIME_ON_BATTERY),
        runtime_below_s=options.get(CONF_RUNTIME_BELOW),
        charge_below=options.get(CONF_CHARGE_BELOW),
        margin_below_s=options.get(CONF_MARGIN_BELOW),
        data_lost_s=options.get(CONF_DATA_LOST),
    )


def _restore(options: Mapping[str, Any]) -> Restore:
    defaults = Restore()
    return Restore(
        is_enabled=options.get(CONF_RESTORES, defaults.is_enabled),
        mains_stable_s=float(options.get(CONF_MAINS_STABLE, defaults.mains_stable_s)),
        min_charge=options.get(CONF_MIN_CHARGE),
    )


def _output(subentries: Iterable[ConfigSubentry]) -> OutputOptions | None:
    """Return the last step of the plan; there is one at most."""
    subentry = next(iter(subentries), None)
    if subentry is None:
        return None
    defaults = OutputOptions()
    return OutputOptions(
        returns=subentry.data.get(CONF_RETURNS, defaults.returns),
        delay_s=float(subentry.data.get(CONF_DELAY, defaults.delay_s)),
    )
