"""One notify entity for each Discord webhook."""

from typing import Any, Final, override

from homeassistant.components.notify import NotifyEntity, NotifyEntityDescription
from homeassistant.components.notify.const import NotifyEntityFeature
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .coordinator import OmronConfigEntry
from .discord_channel import DiscordChannel
from .discord_messages import KIND_TEXT
from .outbox import Letter

PARALLEL_UPDATES = 1

MESSAGES: Final = NotifyEntityDescription(key="notify", translation_key="notify")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the notify entities of a UPS; webhooks can be added later."""
    ups_id = dr.async_get_device_id_by_identifier(
        hass, (DOMAIN, entry.entry_id), config_entry_id=entry.entry_id
    )

    @callback
    def add(channel: DiscordChannel) -> None:
        entity = DiscordNotify(ups_id=ups_id, channel=channel, description=MESSAGES)
        async_add_entities([entity], config_subentry_id=channel.subentry_id)

    entry.runtime_data.discord.async_attach(add)


class DiscordNotify(NotifyEntity):
    """Sends text of the user's own to Discord, now or as soon as Discord can be reached."""

    _attr_has_entity_name = True
    _attr_supported_features = NotifyEntityFeature.TITLE

    def __init__(
        self,
        *,
        ups_id: str,
        channel: DiscordChannel,
        description: NotifyEntityDescription,
    ) -> None:
        """Stand for a webhook of the UPS with the device `ups_id`."""
        self.entity_description = description
        self._channel = channel
        self._attr_unique_id = f"{channel.subentry_id}_{description.key}"
        self._attr_device_info = DeviceInfo(
            entry_type=DeviceEntryType.SERVICE,
            identifiers={(DOMAIN, channel.subentry_id)},
            manufacturer="Discord",
            model="Webhook",
            name=channel.options.name,
            via_device_id=ups_id,
        )

    @override
    async def async_send_message(self, message: str, title: str | None = None) -> None:
        """Take a message; it waits on disk while Discord cannot be reached."""
        data: dict[str, Any] = {"title": title or "", "message": message}
        self._channel.async_put(Letter(kind=KIND_TEXT, at=dt_util.utcnow(), data=data))
