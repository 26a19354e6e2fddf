"""Installing the blueprints: whole, once, and never over the user's own work."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.omron_ups import blueprints
from custom_components.omron_ups.blueprints import (
    FOLDER,
    async_check_blueprints,
    async_install_blueprints,
)
from custom_components.omron_ups.const import CONF_INSTALL_BLUEPRINTS, DOMAIN, Issue
from custom_components.omron_ups.repairs import InstallBlueprintsFlow, async_create_fix_flow
from tests.ha.common import MockConfigEntry, nut_server_input

FILES = sorted(FOLDER.glob("*.yaml"))
NAMES = [path.name for path in FILES]
JAPANESE = Path(__file__).parents[2] / "docs/blueprints.ja.md"
COPIES = Path(__file__).parents[2] / "blueprints/automation/omron_ups"


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Let Home Assistant write into a folder of its own."""
    return hass_tmp_config_dir


@pytest.fixture
def shipped(tmp_path: Path) -> Any:
    """Let the integration ship one blueprint, which can change."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "power_saver.yaml").write_text((FOLDER / "power_saver.yaml").read_text())
    with patch.object(blueprints, "FOLDER", folder):
        yield folder / "power_saver.yaml"


def place(hass: HomeAssistant, name: str = "power_saver.yaml") -> Path:
    """Return where a blueprint is installed."""
    return Path(hass.config.path("blueprints/automation", DOMAIN, name))


def offer(hass: HomeAssistant) -> ir.IssueEntry | None:
    """Return the offer of newer versions."""
    return ir.async_get(hass).async_get_issue(DOMAIN, Issue.BLUEPRINTS_OUTDATED)


def newer(path: Path) -> None:
    """Publish a newer version."""
    path.write_text(path.read_text().replace("Save power on battery", "Save more power"))


def test_all_are_there() -> None:
    assert NAMES == [
        "battery_care.yaml",
        "notify_discord.yaml",
        "on_power_event.yaml",
        "power_saver.yaml",
        "shutdown_hosts.yaml",
        "shutdown_nas.yaml",
        "shutdown_proxmox.yaml",
    ]


def test_the_copies_for_the_import_links_are_the_same() -> None:
    copies = {path.name: path.read_bytes() for path in COPIES.iterdir()}
    assert copies == {path.name: path.read_bytes() for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_is_what_home_assistant_wants(path: Path) -> None:
    blueprint = Blueprint(
        load_yaml_dict(str(path)), expected_domain="automation", schema=AUTOMATION_BLUEPRINT_SCHEMA
    )
    assert blueprint.validate() is None
    assert blueprint.metadata["source_url"].endswith(
        f"/blueprints/automation/omron_ups/{path.name}"
    )
    assert blueprint.metadata["homeassistant"]["min_version"] == "2026.10.0"
    for name, item in blueprint.inputs.items():
        assert item["name"], name
        assert item["description"].endswith("."), name
        assert item["selector"], name
    text = path.read_text()
    assert "mode:" in text
    assert text.count("continue_on_error: true") >= text.count("notify.send_message")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_is_explained_in_japanese(path: Path) -> None:
    sections = JAPANESE.read_text().split("\n## ")
    (section,) = (text for text in sections if text.startswith(f"`{path.stem}`"))
    blueprint = Blueprint(
        load_yaml_dict(str(path)), expected_domain="automation", schema=AUTOMATION_BLUEPRINT_SCHEMA
    )
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    explained = {key.strip("| `"): name for key, name, _ in rows}
    assert explained == {key: item["name"] for key, item in blueprint.inputs.items()}


async def test_install_twice(hass: HomeAssistant) -> None:
    assert (await async_install_blueprints(hass)).installed == tuple(NAMES)
    assert all(place(hass, name).exists() for name in NAMES)
    assert (await async_install_blueprints(hass)).unchanged == tuple(NAMES)


@pytest.mark.parametrize("has_automations", [True, False])
async def test_a_newer_version_is_offered_and_installed(
    hass: HomeAssistant, shipped: Path, *, has_automations: bool
) -> None:
    if has_automations:
        assert await async_setup_component(hass, "automation", {})
    await async_install_blueprints(hass)
    await async_check_blueprints(hass)
    assert offer(hass) is None
    newer(shipped)
    await async_check_blueprints(hass)
    issue = offer(hass)
    assert issue is not None
    assert issue.is_fixable
    flow = await async_create_fix_flow(hass, issue.issue_id, None)
    assert isinstance(flow, InstallBlueprintsFlow)
    flow.hass, flow.issue_id = hass, issue.issue_id
    form = await flow.async_step_init()
    assert form["description_placeholders"] == {"blueprints": "power_saver.yaml"}
    await flow.async_step_install({})
    assert "Save more power" in place(hass).read_text()
    assert offer(hass) is None


async def test_what_the_user_edited_is_left_alone(hass: HomeAssistant, shipped: Path) -> None:
    await async_install_blueprints(hass)
    place(hass).write_text(place(hass).read_text() + "# mine\n")
    newer(shipped)
    await async_check_blueprints(hass)
    assert offer(hass) is None
    assert (await async_install_blueprints(hass)).kept == ("power_saver.yaml",)
    assert place(hass).read_text().endswith("# mine\n")


async def accept(hass: HomeAssistant) -> None:
    """Accept the offer of newer versions."""
    issue = offer(hass)
    assert issue is not None
    flow = await async_create_fix_flow(hass, issue.issue_id, None)
    assert isinstance(flow, InstallBlueprintsFlow)
    flow.hass, flow.issue_id = hass, issue.issue_id
    await flow.async_step_install({})


async def test_what_the_user_edits_after_the_offer_is_left_alone(
    hass: HomeAssistant, shipped: Path
) -> None:
    await async_install_blueprints(hass)
    newer(shipped)
    await async_check_blueprints(hass)
    place(hass).write_text(place(hass).read_text() + "# mine\n")
    await accept(hass)
    assert place(hass).read_text().endswith("# mine\n")
    assert "Save more power" not in place(hass).read_text()
    assert offer(hass) is None


async def test_what_the_user_deleted_does_not_come_back_with_a_newer_version_of_another(
    hass: HomeAssistant, shipped: Path
) -> None:
    other = shipped.with_name("battery_care.yaml")
    other.write_text((FOLDER / "battery_care.yaml").read_text())
    await async_install_blueprints(hass)
    place(hass, other.name).unlink()
    newer(shipped)
    await async_check_blueprints(hass)
    await accept(hass)
    assert "Save more power" in place(hass).read_text()
    assert not place(hass, other.name).exists()


async def test_what_somebody_else_put_there_is_left_alone(
    hass: HomeAssistant, shipped: Path
) -> None:
    place(hass).parent.mkdir(parents=True)
    place(hass).write_text("mine")
    assert (await async_install_blueprints(hass)).kept == ("power_saver.yaml",)
    assert place(hass).read_text() == "mine"


async def test_what_the_user_deleted_comes_back_only_if_asked_for(
    hass: HomeAssistant, shipped: Path
) -> None:
    await async_install_blueprints(hass)
    place(hass).unlink()
    newer(shipped)
    await async_check_blueprints(hass)
    assert offer(hass) is None
    assert not place(hass).exists()
    assert (await async_install_blueprints(hass)).installed == ("power_saver.yaml",)


async def test_the_action(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    response = await hass.services.async_call(
        DOMAIN, "install_blueprints", {}, blocking=True, return_response=True
    )
    assert response is not None
    assert response["installed"] == NAMES


@pytest.mark.parametrize("wanted", [True, False])
async def test_at_set_up_if_wanted(hass: HomeAssistant, free_port: int, *, wanted: bool) -> None:
    flow = hass.config_entries.flow
    step = await flow.async_init(DOMAIN, context={"source": "user"})
    for answer in ({"next_step_id": "simulated"}, {"model": "bw55t"}):
        step = await flow.async_configure(step["flow_id"], answer)
    last = {**nut_server_input(free_port), CONF_INSTALL_BLUEPRINTS: wanted}
    result = await flow.async_configure(step["flow_id"], last)
    await hass.async_block_till_done()
    assert CONF_INSTALL_BLUEPRINTS not in str(result["result"].options)
    assert place(hass).exists() is wanted
    await hass.config_entries.async_unload(result["result"].entry_id)


async def test_a_folder_that_cannot_be_written_spoils_no_set_up(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.object(blueprints, "async_install_blueprints", side_effect=OSError("full")):
        await blueprints.async_accept_offer(hass)
    assert "The blueprints could not be installed" in caplog.text
