"""What Discord is told about the shutdown plan."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.omron_ups.discord_plan import PlanTeller, report_rows
from custom_components.omron_ups.driver import PowerEvent, SimulatedUps
from custom_components.omron_ups.shutdown.events import PlanEvent, PlanEventType
from custom_components.omron_ups.shutdown.models import PlanResult, Reason, TargetState
from custom_components.omron_ups.shutdown.report import Report, ReportLine, TargetReport
from custom_components.omron_ups.shutdown.runner import Runner
from scripts.lib.discord_server import DiscordServer
from tests.ha.common import MockConfigEntry, add_webhook, eventually
from tests.ha.plan import add_host, answer_plan, until_idle

PLAN_ID = "20261122T140000"
REPORT = Report(
    plan_id=PLAN_ID,
    reason=Reason.TIME_ON_BATTERY,
    result=PlanResult.INCOMPLETE,
    began_at="2026-11-22T14:05:00.000+00:00",
    ended_at="2026-11-22T14:09:00.000+00:00",
    is_outage=True,
    targets=(
        TargetReport(target_id="a", name="pve1", state=TargetState.DOWN, seconds=95.4),
        TargetReport(target_id="b", name="nas", state=TargetState.OVERDUE),
    ),
    lines=(
        ReportLine(at="", did="asked", target_id="a", charge=80.0),
        ReportLine(at="", did="settled", target_id="a", charge=71.0),
    ),
    detail="nas did not stop in time",
)


class FakeRunner:
    """As much of a Runner as a PlanTeller reads."""

    def __init__(self) -> None:
        """Have two targets and nothing to do."""
        specs = (
            SimpleNamespace(target_id="a", name="pve1"),
            SimpleNamespace(target_id="b", name="nas"),
        )
        self.plan = SimpleNamespace(targets=specs)
        self.is_open = False
        self.is_armed = True
        self.last_report: Report | None = None
        self.target_states = dict.fromkeys("ab", TargetState.WAITING)
        self.timeline = SimpleNamespace(
            starts_in_s=300.0, trigger=Reason.TIME_ON_BATTERY, is_short=False, needs_s=720.0
        )
        self.listener: Callable[[PlanEvent], None] | None = None

    def preview(self) -> Any:
        """Foresee the plan."""
        return self.timeline

    def subscribe(self, listener: Callable[[PlanEvent], None]) -> Callable[[], None]:
        """Have one listener."""
        self.listener = listener
        return lambda: None

    def tell(self, kind: PlanEventType, plan_id: str = "", key: str = "") -> None:
        """Tell the listener."""
        assert self.listener is not None
        self.listener(PlanEvent(type=kind, at=datetime.now(UTC), plan_id=plan_id, key=key))


@pytest.fixture
def runner() -> FakeRunner:
    """Return a plan that nobody follows yet."""
    return FakeRunner()


@pytest.fixture
def teller(loaded: MockConfigEntry, runner: FakeRunner) -> PlanTeller:
    """Follow the plan."""
    discord = loaded.runtime_data.discord
    teller = PlanTeller(discord, cast("Runner", runner), maintenance_until=lambda: None)
    teller.async_start(runner.subscribe)
    return teller


def test_what_the_plan_will_do(teller: PlanTeller, runner: FakeRunner) -> None:
    facts = teller.facts()
    assert facts["plan"] == "armed"
    assert facts["plan_needs"] == 720
    assert 295 < facts["plan_starts_at"] - dt_util.utcnow().timestamp() < 301
    runner.timeline.is_short = True
    assert "plan_starts_at" not in teller.facts()
    runner.is_armed = False
    assert teller.facts() == {"plan": "disarmed"}
    runner.is_open = True
    assert teller.facts() == {"plan": "running"}
    runner.plan.targets = ()
    assert teller.facts() == {"plan": "none"}


def test_maintenance_is_told(loaded: MockConfigEntry, runner: FakeRunner) -> None:
    until = dt_util.utcnow() + timedelta(hours=2)
    discord = loaded.runtime_data.discord
    teller = PlanTeller(discord, cast("Runner", runner), maintenance_until=lambda: until)
    assert teller.facts() == {"plan": "maintenance", "maintenance_until": until.timestamp()}


async def test_a_disarmed_plan_is_told_with_the_outage(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    discord: DiscordServer,
    *,
    teller: PlanTeller,
    runner: FakeRunner,
) -> None:
    runner.is_armed = False
    await add_webhook(hass, loaded, events=[PowerEvent.POWER_LOST])
    simulated.cut_mains()
    await eventually(lambda: len(discord.messages) == 1)
    description = discord.messages[0].body["embeds"][0]["description"]
    assert description == "Shutdown plan: **Disarmed: no host will be shut down.**"


async def test_what_would_start_and_silence_are_told(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    discord: DiscordServer,
    teller: PlanTeller,
    runner: FakeRunner,
) -> None:
    await add_webhook(hass, loaded, mention="@here")
    runner.is_armed = False
    runner.tell(PlanEventType.WOULD_START, key=Reason.TIME_ON_BATTERY)
    runner.tell(PlanEventType.DATA_LOST)
    await eventually(lambda: len(discord.messages) == 2)
    assert discord.titles == [
        "BW55T: hosts would be shut down now, but they are not",
        "BW55T is silent while on battery",
    ]
    would_start, silence = (item.body for item in discord.messages)
    assert would_start["content"] == silence["content"] == "@here"
    assert "Disarmed" in would_start["embeds"][0]["description"]
    fields = {item["name"]: item["value"] for item in would_start["embeds"][0]["fields"]}
    assert fields["Reason"] == "time on battery"


async def test_one_message_follows_the_plan(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    discord: DiscordServer,
    teller: PlanTeller,
    runner: FakeRunner,
) -> None:
    await add_webhook(hass, loaded)
    await add_webhook(hass, loaded, plan_progress=False, unique_id="another")
    runner.is_open = True
    runner.tell(PlanEventType.STARTED, PLAN_ID)
    await eventually(lambda: len(discord.messages) == 1)
    runner.target_states["a"] = TargetState.STOPPING
    runner.tell(PlanEventType.STATE)
    await eventually(lambda: discord.messages[0].edits == 1)
    runner.tell(PlanEventType.STATE)
    runner.is_open = False
    runner.last_report = REPORT
    runner.tell(PlanEventType.FAILED, PLAN_ID)
    await eventually(lambda: discord.messages[0].edits == 2)
    (message,) = discord.messages
    embed = message.body["embeds"][0]
    assert embed["title"] == "BW55T: the shutdown plan did not succeed everywhere"
    assert embed["description"].splitlines() == [
        "⬛ **pve1** is off (1 min 35 s, 71 %)",
        "⚠️ **nas** did not stop in time",
    ]
    fields = {item["name"]: item["value"] for item in embed["fields"]}
    assert fields["Details"] == "nas did not stop in time"


async def test_a_plan_that_stopped_hosts_is_no_quiet_outage(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    discord: DiscordServer,
    *,
    teller: PlanTeller,
    runner: FakeRunner,
) -> None:
    events = [PowerEvent.POWER_LOST, PowerEvent.POWER_RESTORED]
    subentry_id = await add_webhook(hass, loaded, events=events, plan_progress=False)
    channel = loaded.runtime_data.discord.channels[subentry_id]
    discord.trouble = 503
    simulated.cut_mains()
    await eventually(lambda: channel.waiting == discord.attempts == 1)
    runner.is_open = True
    runner.tell(PlanEventType.STARTED, PLAN_ID)
    simulated.restore_mains()
    await eventually(lambda: channel.waiting == 2)
    discord.trouble = None
    await loaded.runtime_data.discord.async_stop()
    await loaded.runtime_data.discord.async_start()
    await eventually(lambda: len(discord.messages) == 2)


def test_a_report_of_another_plan_is_not_told(
    loaded: MockConfigEntry, teller: PlanTeller, runner: FakeRunner
) -> None:
    told: list[Any] = []
    loaded.runtime_data.discord.async_put_plan = told.append
    runner.last_report = replace(REPORT, plan_id="another")
    runner.tell(PlanEventType.CANCELLED, PLAN_ID)
    (letter,) = told
    assert letter.data["rows"] == []
    assert report_rows(REPORT)[0] == ["pve1", "down", 95, 71.0]


@pytest.mark.usefixtures("fast_plan")
async def test_a_real_plan_that_is_disarmed_says_when_it_would_start(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, discord: DiscordServer
) -> None:
    host = await add_host(hass, loaded, "nas")
    await answer_plan(hass, loaded, triggers={"time_on_battery": 0.5})
    await add_webhook(hass, loaded)
    simulated.cut_mains()
    title = "BW55T: hosts would be shut down now, but they are not"
    await eventually(lambda: discord.titles == [title])
    simulated.restore_mains()
    await until_idle(hass, loaded)
    assert host.calls == []
    assert discord.titles == [title]
