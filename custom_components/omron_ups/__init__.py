"""OMRON UPS units in Home Assistant and on the network."""

from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType
from homeassistant.loader import async_get_loaded_integration

from .account_watch import AccountWatch
from .battery_form import battery_options
from .blueprints import async_check_blueprints
from .changes import EntryChanges
from .connection import Connection, make_connection
from .const import DOMAIN
from .coordinator import OmronConfigEntry, OmronCoordinator, OmronRuntimeData
from .delay_store import DelayStore
from .discord_channel import OutboxFile
from .discord_plan import PlanTeller
from .discord_service import DiscordService
from .driver import UpsError, UpsSource
from .entity import device_info
from .errors import not_ready
from .late_ups import LateUps
from .nut import NutServers
from .nut_served import DATA_NUT_SERVERS, DATA_RELOADING
from .nut_service import NutService
from .outages import OutageLog
from .plan_reports import async_report_plan
from .plan_service import PlanService
from .plan_store import async_remove_plan
from .power_reports import PowerReports
from .services import async_setup_services
from .setting_memory import FileSettingMemory
from .usb_discovery import async_setup_usb_discovery

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.NOTIFY,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all UPSes share."""
    hass.data[DATA_NUT_SERVERS] = NutServers()
    hass.data[DATA_RELOADING] = {}
    async_setup_services(hass)
    async_setup_usb_discovery(hass)
    await async_check_blueprints(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: OmronConfigEntry) -> bool:
    """Connect to a UPS, serve it, show it."""
    delays = DelayStore(hass, entry.entry_id)
    connection = make_connection(
        entry.data,
        version=str(async_get_loaded_integration(hass, DOMAIN).version),
        battery=battery_options(entry),
        memory=FileSettingMemory(hass, entry.entry_id),
        delays=await delays.async_load(),
    )
    ups = connection.ups
    nut = NutService(hass, entry, ups)
    entry.async_on_unload(nut.async_stop)
    plan = PlanService(hass, entry, ups, nut)
    entry.async_on_unload(plan.async_stop)
    await _async_begin_plan(plan)
    await _async_reach(hass, entry, ups, nut, plan)
    _watch(hass, entry, connection, delays)

    outage_log = OutageLog(hass, entry.entry_id)
    await outage_log.async_load(on_battery=ups.state.on_battery)
    coordinator = OmronCoordinator(hass, entry, ups)
    reports = PowerReports(hass, entry, coordinator=coordinator, nut=nut, outage_log=outage_log)
    entry.runtime_data = OmronRuntimeData(
        coordinator=coordinator,
        ups=ups,
        nut=nut,
        plan=plan,
        outage_log=outage_log,
        reports=reports,
        discord=DiscordService(hass, entry, reports),
        simulated=connection.simulated,
    )
    entry.async_on_unload(entry.runtime_data.async_close)
    entry.async_on_unload(ups.subscribe(entry.runtime_data.async_handle_state))
    await entry.runtime_data.discord.async_start()
    await entry.runtime_data.nut.async_start()
    await _async_show(hass, entry)
    _listen(hass, entry)
    return True


async def _async_show(hass: HomeAssistant, entry: OmronConfigEntry) -> None:
    """Set up the entities, and from then on tell what happens."""
    data = entry.runtime_data
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, **device_info(entry, data.ups.state)
    )
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    data.reports.async_start()
    entry.async_on_unload(async_report_plan(data.plan, data.reports))
    teller = PlanTeller(
        data.discord, data.plan.runner, maintenance_until=lambda: data.plan.maintenance_until
    )
    entry.async_on_unload(teller.async_start(data.plan.subscribe_events))
    data.plan.async_tell_events()


async def _async_begin_plan(plan: PlanService) -> None:
    """Read what the shutdown plan has kept, and go on with it.

    Raises:
        ConfigEntryNotReady: the disk cannot be read.

    """
    try:
        await plan.async_start()
    except OSError as err:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key="plan_not_read",
            translation_placeholders={"detail": str(err)},
        ) from err


async def _async_reach(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    ups: UpsSource,
    nut: NutService,
    plan: PlanService,
) -> None:
    """Start the UPS; with an open plan the entry loads without it, and it is waited for.

    Raises:
        ConfigEntryNotReady: it cannot be reached, and no plan is open.

    """
    # Reading everything that a unit can tell takes long enough for clients to find old data.
    unsubscribe = ups.subscribe(nut.publish)
    entry.async_on_unload(ups.stop)
    try:
        await ups.start()
    except UpsError as err:
        if not plan.runner.is_open:
            raise not_ready(err) from err
        late = LateUps(hass, entry, ups, plan)
        entry.async_on_unload(late.async_stop)
        late.async_start()
    finally:
        unsubscribe()


def _watch(
    hass: HomeAssistant, entry: OmronConfigEntry, connection: Connection, delays: DelayStore
) -> None:
    """Keep what is the driver's own, or see to the account where the delays are the server's."""
    if connection.remote is None:
        entry.async_on_unload(connection.ups.subscribe(delays.note))
        return
    watch = AccountWatch(hass, entry, connection.remote)
    entry.async_on_unload(connection.remote.subscribe(watch.async_handle_state))


def _listen(hass: HomeAssistant, entry: OmronConfigEntry) -> None:
    """Hear of changes of the entry, and of the end of Home Assistant."""
    changes = EntryChanges(hass, entry)
    entry.async_on_unload(changes.async_stop)
    entry.async_on_unload(entry.add_update_listener(changes.async_handle_update))
    # Home Assistant does not unload entries when it stops, but NUT clients must see the server
    # close, and the device must be free for whoever comes next.
    entry.async_on_unload(
        hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, entry.runtime_data.async_handle_stop)
    )


async def async_unload_entry(hass: HomeAssistant, entry: OmronConfigEntry) -> bool:
    """Take the entities away; the callbacks registered at set-up close server and device."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: OmronConfigEntry) -> None:
    """Forget what is known of a UPS that is no longer configured."""
    await DelayStore(hass, entry.entry_id).async_remove()
    await OutageLog(hass, entry.entry_id).async_remove()
    await OutboxFile(hass, entry.entry_id).async_remove()
    await FileSettingMemory(hass, entry.entry_id).async_remove()
    await async_remove_plan(hass, entry.entry_id)
