"""What the kinds of targets work with outlives the entry that was there first."""

from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import HomeAssistant

from custom_components.omron_ups.shutdown.models import HostState
from custom_components.omron_ups.target_tools import tools_of
from tests.ha.common import LOOPBACK, MockConfigEntry
from tests.ha.plan import add_target, plan_of
from tests.shutdown.fakes.qnap import PASSWORD, USERNAME, FakeQnap


async def test_hosts_can_be_asked_after_a_reload(
    hass: HomeAssistant, loaded: MockConfigEntry, socket_enabled: None
) -> None:
    async with FakeQnap() as nas:
        known = {
            "host": LOOPBACK,
            "port": nas.port,
            "username": USERNAME,
            "password": PASSWORD,
            "tls_trust": "fingerprint",
            "tls_fingerprint": nas.certificate.fingerprint,
        }
        owner = await add_target(hass, loaded, "qnap", "nas", known)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert await hass.config_entries.async_reload(loaded.entry_id)
        await hass.async_block_till_done()
        target = plan_of(loaded)._targets[owner]
        assert (await target.observe()).state is HostState.UP


async def test_the_session_ends_with_home_assistant(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    session = tools_of(hass, loaded.runtime_data.nut).session
    assert not session.closed
    hass.bus.async_fire(EVENT_HOMEASSISTANT_CLOSE)
    await hass.async_block_till_done()
    assert session.closed
