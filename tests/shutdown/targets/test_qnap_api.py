"""Answers of the NAS are read as recorded, and a real client finds a QNAP in our fake."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from qnapstats import QNAPStats  # type: ignore[import-untyped]

from custom_components.omron_ups.shutdown.targets.provenance import Provenance
from custom_components.omron_ups.shutdown.targets.qnap_api import REQUESTS, Answer, QnapStatus
from tests.shutdown.fakes.qnap import LOGIN, PASSWORD, USERNAME, FakeQnap
from tests.shutdown.fakes.server import LOOPBACK


@pytest.fixture
async def nas() -> AsyncIterator[FakeQnap]:
    async with FakeQnap() as fake:
        yield fake


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<a><![CDATA[1]]></a>", "1"),
        ("<a> <![CDATA[ 1 ]]> </a>", "1"),
        ("<a>1</a>", "1"),
        ("<a>\n1\n</a>", "1"),
        ("<a></a>", ""),
        ("<a><![CDATA[]]></a>", ""),
        ("<b>1</b>", None),
        ("<a><![CDATA[1]]></a><unclosed>", "1"),
        ("<a><b>1</b></a>", None),
    ],
)
def test_values_are_found_in_any_spelling(text: str, value: str | None) -> None:
    assert Answer(text).value("a") == value


@pytest.mark.parametrize(
    ("section", "is_going"),
    [
        ("", False),
        ("<shutdown_info><type><![CDATA[-1]]></type></shutdown_info>", False),
        ("<shutdown_info></shutdown_info><type><![CDATA[4]]></type>", False),
        ("<shutdown_info>\n<type><![CDATA[1]]></type></shutdown_info>", True),
    ],
)
def test_whether_it_shuts_down(section: str, is_going: bool) -> None:
    assert QnapStatus.read(Answer(f"<QDocRoot>{section}</QDocRoot>")).is_going is is_going


def test_old_firmware_says_little() -> None:
    """In this way a TS-110 with 4.2.4 was recorded."""
    page = (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<QDocRoot version="1.0">\n'
        "<doQuick><![CDATA[]]></doQuick><is_booting><![CDATA[0]]></is_booting>"
        "<mediaReady><![CDATA[1]]></mediaReady><SMBFW><![CDATA[0]]></SMBFW>"
        "<authPassed><![CDATA[1]]></authPassed><authSid><![CDATA[12345]]></authSid></QDocRoot>"
    )
    status = QnapStatus.read(Answer(page))
    assert status == QnapStatus(is_booting=False, is_media_ready=True, is_going=False)


def test_every_request_has_a_provenance() -> None:
    assert {(known.method, known.provenance) for known in REQUESTS if known.path == LOGIN} == {
        ("POST", Provenance.RECORDED),
        ("GET", Provenance.THIRD_PARTY),
    }
    assert all(known.source for known in REQUESTS)
    assert all(known.changes == (known.path != LOGIN) for known in REQUESTS)


def qnapstats(nas: FakeQnap, password: str = PASSWORD) -> QNAPStats:
    """Return the client that Home Assistant's own integration uses."""
    return QNAPStats(f"https://{LOOPBACK}", nas.port, USERNAME, password, verify_ssl=False)


async def test_qnapstats_logs_in_and_asks(nas: FakeQnap) -> None:
    client = qnapstats(nas)
    assert await asyncio.to_thread(client.get_system_health) == "good"
    assert nas.logins == 1
    assert nas.asked[0].method == "POST"


async def test_qnapstats_meets_the_model_that_wants_a_get(nas: FakeQnap) -> None:
    nas.gives_session_for_get_only = True
    client = qnapstats(nas)
    assert await asyncio.to_thread(client.get_system_health) == "good"
    assert [asked.method for asked in nas.asked if asked.path == LOGIN] == ["POST", "GET"]


async def test_qnapstats_meets_an_expired_session(nas: FakeQnap) -> None:
    """It is answered with 200; the client finds out by the body, as ours must."""
    client = qnapstats(nas)
    await asyncio.to_thread(client.get_system_health)
    nas._sessions.clear()
    assert await asyncio.to_thread(client.get_system_health) is None
    assert nas.logins == 2, "it logged in anew to try once more"


async def test_a_login_of_another_client_ends_ours(nas: FakeQnap) -> None:
    ours = qnapstats(nas)
    await asyncio.to_thread(ours.get_system_health)
    other = qnapstats(nas)
    await asyncio.to_thread(other.get_system_health)
    assert await asyncio.to_thread(ours.get_system_health) is None
