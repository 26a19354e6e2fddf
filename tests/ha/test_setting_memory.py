"""What must outlive a crash between two requests to the UPS."""

import asyncio
import json
from pathlib import Path

from homeassistant.core import CoreState, HomeAssistant
import pytest

from custom_components.omron_ups.driver import SettingMemoryError
from custom_components.omron_ups.setting_memory import FileSettingMemory
from tests.ha.common import ENTRY_ID, MockConfigEntry, set_up


@pytest.fixture
def storage(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Return a folder of our own to store in."""
    hass.config.config_dir = str(tmp_path)
    return tmp_path / ".storage"


@pytest.mark.usefixtures("storage")
async def test_what_was_saved_is_loaded(hass: HomeAssistant) -> None:
    assert await FileSettingMemory(hass, "a").load() is None
    for value in (True, False, None):
        await FileSettingMemory(hass, "a").save(auto_restart=value)
        assert await FileSettingMemory(hass, "a").load() is value
        assert await FileSettingMemory(hass, "b").load() is None


@pytest.mark.usefixtures("storage")
async def test_it_is_saved_while_home_assistant_stops(hass: HomeAssistant) -> None:
    hass.set_state(CoreState.stopping)
    await FileSettingMemory(hass, "a").save(auto_restart=True)
    assert await FileSettingMemory(hass, "a").load() is True
    hass.set_state(CoreState.running)


async def test_a_failure_is_told(hass: HomeAssistant, storage: Path) -> None:
    await asyncio.to_thread(storage.write_text, "a file where the folder should be")
    with pytest.raises(OSError, match=r"exists|directory"):
        await FileSettingMemory(hass, "a").save(auto_restart=True)
    await asyncio.to_thread(storage.unlink)
    memory = FileSettingMemory(hass, "a")
    memory._path.mkdir(parents=True)
    with pytest.raises(OSError, match="cannot be written"):
        await memory.save(auto_restart=True)
    with pytest.raises(OSError, match="cannot be read"):
        await memory.load()


async def test_a_damaged_file_is_told(hass: HomeAssistant, storage: Path) -> None:
    memory = FileSettingMemory(hass, "a")
    await memory.save(auto_restart=True)
    memory._path.write_text("{")
    with pytest.raises(OSError, match="cannot be read"):
        await memory.load()
    memory._path.write_text('{"auto_restart": "maybe"}')
    assert await memory.load() is None


async def test_the_driver_keeps_its_setting_here(
    hass: HomeAssistant, storage: Path, entry: MockConfigEntry
) -> None:
    await set_up(hass, entry)
    settings = entry.runtime_data.simulated.settings
    assert settings.auto_restart
    await entry.runtime_data.ups.command("shutdown.stayoff", "1800")
    path = storage / f"omron_ups.{ENTRY_ID}.auto_restart"
    assert json.loads(path.read_text()) == {"auto_restart": True}
    assert not settings.auto_restart
    await entry.runtime_data.ups.command("shutdown.stop")
    assert json.loads(path.read_text()) == {"auto_restart": None}
    assert settings.auto_restart
    await hass.config_entries.async_remove(entry.entry_id)
    assert not path.exists()


async def test_without_it_no_shutdown_is_sent(
    hass: HomeAssistant, storage: Path, entry: MockConfigEntry
) -> None:
    await set_up(hass, entry)
    # A folder where the file should be.
    path = storage / f"omron_ups.{ENTRY_ID}.auto_restart"
    await asyncio.to_thread(path.mkdir, parents=True)
    with pytest.raises(SettingMemoryError, match="cannot be stored"):
        await entry.runtime_data.ups.command("shutdown.stayoff")
    assert not entry.runtime_data.simulated.shutdown_pending
    await hass.config_entries.async_unload(entry.entry_id)
