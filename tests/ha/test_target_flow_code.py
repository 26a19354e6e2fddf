"""The flow of a NAS whose account has a second factor: a code is asked for, once."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from tests.ha.common import LOOPBACK, MockConfigEntry
from tests.ha.plan import PART, begin_flow, submit, suggestions
from tests.shutdown.fakes.synology import CODE, PASSWORD, USERNAME, FakeSynology

PLAN = {"stage": 20, "time_limit": 90, **PART}


@pytest.fixture
async def nas(socket_enabled: None) -> AsyncIterator[FakeSynology]:
    """Return a NAS whose account has a second factor."""
    async with FakeSynology() as fake:
        fake.has_two_step = True
        yield fake


def nas_input(nas: FakeSynology, **changes: Any) -> dict[str, Any]:
    """Return what the form of the NAS sends."""
    return {
        "name": "nas",
        "host": LOOPBACK,
        "port": nas.port,
        "username": USERNAME,
        "password": PASSWORD,
        "tls_trust": "fingerprint",
        "advanced": {},
        **changes,
    }


async def begin(
    hass: HomeAssistant, entry: MockConfigEntry, nas: FakeSynology, **changes: Any
) -> dict[str, Any]:
    """Enter the NAS and confirm its certificate; return what is asked then."""
    form = await begin_flow(hass, entry, "synology")
    form = await submit(hass, form, nas_input(nas, **changes))
    assert form["step_id"] == "identity"
    return await submit(hass, form, {})


async def add(hass: HomeAssistant, entry: MockConfigEntry, nas: FakeSynology) -> str:
    """Add the NAS with a code, and return its id."""
    form = await submit(hass, await begin(hass, entry, nas), {"otp_code": CODE})
    await submit(hass, form, PLAN)
    (owner,) = entry.subentries
    return str(owner)


async def test_a_code_is_asked_for_and_its_token_stored(
    hass: HomeAssistant, loaded: MockConfigEntry, nas: FakeSynology
) -> None:
    form = await begin(hass, loaded, nas)
    assert form["step_id"] == "one_time_code"
    assert "2-factor" in form["description_placeholders"]["findings"]
    form = await submit(hass, form, {"otp_code": f" {CODE[:3]} {CODE[3:]} "})
    assert form["step_id"] == "plan", "the token was tried and the check finds nothing"
    done = await submit(hass, form, PLAN)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    (target,) = loaded.subentries.values()
    (token,) = nas.device_tokens
    assert target.data["options"]["device_token"] == token
    assert "otp_code" not in str(target.data)


async def test_a_wrong_code_is_told_in_words_and_can_be_corrected(
    hass: HomeAssistant, loaded: MockConfigEntry, nas: FakeSynology
) -> None:
    form = await submit(hass, await begin(hass, loaded, nas), {"otp_code": "000000"})
    assert (form["step_id"], form["errors"]) == ("one_time_code", {"base": "code_not_accepted"})
    assert "wrong or too old" in form["description_placeholders"]["findings"]
    assert suggestions(form) == {}
    form = await submit(hass, form, {"otp_code": CODE})
    assert form["step_id"] == "plan"


async def test_a_block_in_between_is_told_in_words(
    hass: HomeAssistant, loaded: MockConfigEntry, nas: FakeSynology
) -> None:
    form = await begin(hass, loaded, nas)
    nas.login_error = 407
    form = await submit(hass, form, {"otp_code": CODE})
    assert (form["step_id"], form["errors"]) == ("one_time_code", {"base": "code_not_accepted"})
    assert "block list" in form["description_placeholders"]["findings"]


@pytest.mark.parametrize(
    ("code", "words"), [(406, "insists"), (407, "block list"), (401, "disabled")]
)
async def test_what_no_code_cures_is_told_in_words(
    hass: HomeAssistant, loaded: MockConfigEntry, nas: FakeSynology, code: int, words: str
) -> None:
    nas.login_error = code
    form = await begin(hass, loaded, nas)
    assert form["step_id"] == "check"
    assert words in form["description_placeholders"]["findings"]


async def test_without_a_code_it_can_be_saved_all_the_same(
    hass: HomeAssistant, loaded: MockConfigEntry, nas: FakeSynology
) -> None:
    form = await submit(hass, await begin(hass, loaded, nas), {})
    assert form["step_id"] == "check"
    form = await submit(hass, form, {"save_anyway": True})
    await submit(hass, form, PLAN)
    (target,) = loaded.subentries.values()
    assert "device_token" not in target.data["options"]


async def test_a_token_is_kept_for_its_account_alone_and_never_shown(
    hass: HomeAssistant, loaded: MockConfigEntry, nas: FakeSynology
) -> None:
    owner = await add(hass, loaded, nas)
    token = loaded.subentries[owner].data["options"]["device_token"]
    form = await begin_flow(hass, loaded, "synology", owner)
    assert token not in str(form["data_schema"].schema)
    assert token not in str(suggestions(form))
    entered = nas_input(nas)
    del entered["password"]
    form = await submit(hass, form, entered)
    assert form["step_id"] == "plan"
    form = await begin_flow(hass, loaded, "synology", owner)
    form = await submit(hass, form, {**entered, "username": "other"})
    assert form["step_id"] == "check", "the password is wrong for this one: no code is asked for"
    logins = [asked.params for asked in nas.asked if asked.params.get("method") == "login"]
    assert logins[-1]["account"] == "other"
    assert "device_id" not in logins[-1]


async def test_a_token_that_the_nas_has_forgotten_is_replaced(
    hass: HomeAssistant, loaded: MockConfigEntry, nas: FakeSynology
) -> None:
    owner = await add(hass, loaded, nas)
    before = loaded.subentries[owner].data["options"]["device_token"]
    nas.device_tokens.clear()
    form = await submit(hass, await begin_flow(hass, loaded, "synology", owner), nas_input(nas))
    assert form["step_id"] == "one_time_code"
    form = await submit(hass, form, {"otp_code": CODE})
    done = await submit(hass, form, PLAN)
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    after = loaded.subentries[owner].data["options"]["device_token"]
    assert (before != after, set(nas.device_tokens)) == (True, {after})
