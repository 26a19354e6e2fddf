"""Tells Discord what happens to one UPS, through all its webhooks."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .const import SUBENTRY_DISCORD
from .discord_channel import DiscordChannel, OnChannel, OutboxFile, channel_options
from .driver import PowerEvent, UpsState
from .issues import EntryIssues
from .outbox import Letter
from .power_reports import PowerReports

CHECK_EVERY: Final = timedelta(days=1)

# Of what else happens on battery somebody may shut down, whoever that is.
_HARMLESS: Final = frozenset(
    {PowerEvent.POWER_LOST, PowerEvent.POWER_RESTORED, PowerEvent.TEST_FINISHED}
)
_FIGURES: Final = ("battery_charge", "battery_runtime", "load")
# What the plan did to whom, if the event is about that.
_PLAN_FACTS: Final = ("target", "what")

type Facts = Callable[[], Mapping[str, Any]]


class DiscordService:
    """Owns the webhooks of one config entry; nothing here ever waits for Discord."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, reports: PowerReports) -> None:
        """Tell nothing yet."""
        self._hass = hass
        self._entry = entry
        self._reports = reports
        self._file = OutboxFile(hass, entry.entry_id)
        self._issues = EntryIssues(hass, entry)
        self._channels: dict[str, DiscordChannel] = {}
        self._plan_facts: Facts = dict
        self._on_channel: list[OnChannel] = []
        self._undo: list[CALLBACK_TYPE] = []
        self._changing = asyncio.Lock()
        # The outage in which nothing happened so far but that the power was lost.
        self._quiet_outage = ""

    @property
    def channels(self) -> Mapping[str, DiscordChannel]:
        """The webhooks by the ids of their subentries."""
        return self._channels

    async def async_start(self) -> None:
        """Deliver what was left over, and what happens from now on."""
        await self._file.async_load(self._entry.subentries)
        await self.async_apply()
        self._undo += (
            self._reports.async_subscribe(self._async_handle_report),
            async_track_time_interval(self._hass, self._async_check, CHECK_EVERY),
        )

    async def async_stop(self) -> None:
        """Stop, and keep what has not arrived; may be called again."""
        while self._undo:
            self._undo.pop()()
        async with self._changing:
            channels, self._channels = self._channels, {}
            for channel in channels.values():
                await channel.async_stop()
        self._issues.async_settle_all()

    async def async_apply(self) -> None:
        """Take over what the user changed; the other webhooks do not notice."""
        async with self._changing:
            wanted = {
                subentry.subentry_id: channel_options(subentry)
                for subentry in self._entry.get_subentries_of_type(SUBENTRY_DISCORD)
            }
            for subentry_id in self._channels.keys() - wanted.keys():
                await self._channels.pop(subentry_id).async_remove()
            for subentry_id, options in wanted.items():
                if (channel := self._channels.get(subentry_id)) is not None:
                    await channel.async_apply(options)
                    continue
                channel = DiscordChannel(
                    self._hass,
                    subentry_id=subentry_id,
                    options=options,
                    file=self._file,
                    issues=self._issues,
                )
                self._channels[subentry_id] = channel
                await channel.async_start()
                self._async_look_after(channel)
                for on_channel in self._on_channel:
                    on_channel(channel)

    @callback
    def async_attach(self, on_channel: OnChannel) -> None:
        """Call back with each webhook, those of now and those to come, until the next start."""
        self._on_channel.append(on_channel)
        for channel in self._channels.values():
            on_channel(channel)

    @callback
    def async_set_plan_facts(self, facts: Facts) -> None:
        """Let `facts` say what the shutdown plan will do: the keys of discord_messages."""
        self._plan_facts = facts

    @callback
    def async_put_plan(self, letter: Letter) -> None:
        """Tell how far the shutdown plan has come, where that is wanted."""
        self._quiet_outage = ""
        for channel in self._channels.values():
            if channel.options.plan_progress:
                channel.async_put(letter)

    @property
    def facts(self) -> dict[str, Any]:
        """What every message says of the UPS and its plan now, as far as it is known."""
        state = self._reports.coordinator.data
        known = {name: getattr(state, name) for name in _FIGURES} if not state.stale else {}
        return {
            "ups": self._entry.title,
            "status": _status(state),
            **{name: value for name, value in known.items() if value is not None},
            **self._plan_facts(),
        }

    @callback
    def _async_handle_report(self, event: str, facts: Mapping[str, Any]) -> None:
        group = self._outage_id(event)
        if event == PowerEvent.POWER_LOST:
            self._quiet_outage = group
        elif event not in _HARMLESS:
            self._quiet_outage = ""
        letter = Letter(
            kind=event,
            at=dt_util.parse_datetime(facts.get("at", "")) or dt_util.utcnow(),
            group=group,
            data={
                **self.facts,
                **{name: facts[name] for name in _PLAN_FACTS if facts.get(name)},
                "detail": _detail(facts),
                "is_quiet": bool(group) and group == self._quiet_outage,
            },
        )
        for channel in self._channels.values():
            if event in channel.options.events:
                channel.async_put(letter)

    def _outage_id(self, event: str) -> str:
        """Return what tells the outage of an event from others; empty for one on mains."""
        outages = self._reports.outage_log.outages
        if outages.began_at is None:
            return ""
        is_part = outages.lasts or event == PowerEvent.POWER_RESTORED
        return outages.began_at.isoformat() if is_part else ""

    @callback
    def _async_look_after(self, channel: DiscordChannel) -> None:
        self._entry.async_create_background_task(
            self._hass, channel.async_check(), f"check Discord webhook {channel.options.name}"
        )

    @callback
    def _async_check(self, _now: datetime) -> None:
        for channel in self._channels.values():
            self._async_look_after(channel)


def _status(state: UpsState) -> str:
    if state.stale or state.on_battery is None:
        return "unknown"
    return "battery" if state.on_battery else "mains"


def _detail(facts: Mapping[str, Any]) -> str:
    """Return what only this event has to say: who ordered it, or what a host said."""
    names = ("ups_name", "username", "address", "detail")
    return ", ".join(str(facts[name]) for name in names if facts.get(name))
