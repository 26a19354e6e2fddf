"""The notify entities of Discord webhooks."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntryType

from custom_components.omron_ups.const import DOMAIN
from scripts.lib.discord_server import DiscordServer
from tests.ha.common import MockConfigEntry, add_webhook, eventually, set_up

NOTIFY = "notify.house_messages"


async def send(hass: HomeAssistant, **data: str) -> None:
    """Send a message as an automation does."""
    await hass.services.async_call(
        "notify", "send_message", {"entity_id": NOTIFY, **data}, blocking=True
    )


async def test_a_message_arrives(
    hass: HomeAssistant, loaded: MockConfigEntry, discord: DiscordServer
) -> None:
    await add_webhook(hass, loaded, title="House")
    await send(hass, message="@everyone: pve1 is down", title="Power")
    await send(hass, message="only text")
    await eventually(lambda: discord.titles == ["Power", "only text"])
    assert discord.messages[0].body["embeds"][0]["description"] == "@everyone: pve1 is down"
    assert discord.messages[0].body["allowed_mentions"] == {"parse": []}


async def test_it_is_a_service_of_the_ups(
    hass: HomeAssistant, entry: MockConfigEntry, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, entry, title="House")
    await set_up(hass, entry)
    entity = er.async_get(hass).async_get(NOTIFY)
    assert entity is not None
    assert entity.unique_id == f"{subentry_id}_notify"
    assert entity.config_subentry_id == subentry_id
    devices = dr.async_get(hass)
    device = devices.async_get(str(entity.device_id))
    ups = devices.async_get_device_by_identifier((DOMAIN, entry.entry_id), entry.entry_id)
    assert isinstance(device, dr.DeviceEntry)
    assert ups is not None
    assert device.entry_type is DeviceEntryType.SERVICE
    assert device.via_device_id == ups.id
    await hass.config_entries.async_unload(entry.entry_id)


async def test_it_goes_with_the_webhook(
    hass: HomeAssistant, loaded: MockConfigEntry, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, loaded, title="House")
    assert hass.states.get(NOTIFY) is not None
    hass.config_entries.async_remove_subentry(loaded, subentry_id)
    await hass.async_block_till_done()
    assert hass.states.get(NOTIFY) is None
    assert er.async_get(hass).async_get(NOTIFY) is None


async def test_sending_never_waits_for_discord(
    hass: HomeAssistant, loaded: MockConfigEntry, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, loaded, title="House")
    discord.trouble = 503
    await send(hass, message="later")
    channel = loaded.runtime_data.discord.channels[subentry_id]
    await eventually(lambda: bool(discord.refused))
    assert channel.waiting == 1
    assert discord.messages == []
