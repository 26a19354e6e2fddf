"""A QNAP NAS: its login page and its power request, with what goes wrong there.

The elements and their order are those that users of python-qnapstats recorded of a TS-1677XU-RP
with QTS 4.5.2 (login) and of a TS-251 with 4.5.1 (no session for a POST); what follows a power
request, an old session, a block and 2-step verification are what other people's programs expect:
third-party knowledge, not confirmed on hardware.
"""

import asyncio
import base64
from collections.abc import Mapping
from itertools import count
from typing import override

from aiohttp import web

from .server import Asked, FakeServer

USERNAME = "ups"
PASSWORD = "päss&wörd+/ 5ec"
LOGIN = "/cgi-bin/authLogin.cgi"
POWER = "/cgi-bin/sys/sysRequest.cgi"
FAILURES_TO_BLOCK = 5


class FakeQnap(FakeServer):
    """One NAS with one account."""

    def __init__(self, name: str = "nas", *, second: float = 0.001) -> None:
        super().__init__(name)
        self.second = second
        """How long a second of the fake lasts."""
        self.password = PASSWORD
        self.is_administrator = True
        self.has_two_step = False
        self.first_step_passes = False
        """Whether the password alone is called passed, though it gives no session."""
        self.is_password_expired = False
        self.gives_session_for_get_only = False
        self.looks_for_session_in = {"body", "query"}
        self.lost_sessions = 0
        """How many sessions are ended by somebody else's login before they are used."""
        self.is_well_formed = True
        self.ignores_power = False
        self.dies_while_answering = False
        self.tells_of_shutdown = True
        self.wants_two_step_soon = False
        """Whether a policy asks the account to set up a second step, but still lets it in."""
        self.is_booting = False
        self.is_media_ready = True
        self.is_on = True
        self.web_stop_s = 5.0
        self.disks_stop_s = 60.0
        self.shutdowns = 0
        self.logins = 0
        self.failures = 0
        self.is_going = False
        self._sessions: list[str] = []
        self._numbers = count(1)
        self._jobs: set[asyncio.Task[None]] = set()

    @override
    async def stop(self) -> None:
        await super().stop()
        if not self.is_on:
            self._sessions.clear()

    async def settle(self) -> None:
        """Wait until nothing goes on any more."""
        while pending := [job for job in self._jobs if not job.done()]:
            await asyncio.wait(pending)

    async def power_on(self) -> None:
        """Let it boot; it answers before it is ready."""
        self.is_on = self.is_booting = True
        self.is_going = False
        await self.start()

    def forget_sessions(self) -> None:
        """End all sessions, as a reboot does."""
        self._sessions.clear()

    @property
    def is_blocked(self) -> bool:
        return self.failures >= FAILURES_TO_BLOCK

    @override
    async def answer(self, asked: Asked, request: web.BaseRequest) -> web.StreamResponse:
        if self.is_blocked and request.transport is not None:
            request.transport.abort()
        if asked.path == LOGIN:
            return _xml(self._login(asked))
        if asked.path == POWER and asked.params.get("subfunc") == "power_mgmt":
            return self._power(asked, request)
        if asked.path == "/cgi-bin/management/manaRequest.cgi":
            return _xml(self._health(asked))
        return web.Response(status=404)

    def _login(self, asked: Asked) -> str:
        if "user" not in asked.params:
            return self._page({"authPassed": "0"})
        self.logins += 1
        encoded = base64.b64encode(self.password.encode()).decode()
        if (asked.params["user"], asked.params.get("pwd")) != (USERNAME, encoded):
            self.failures += 1
            return self._page({"authPassed": "0", "errorValue": "-1"})
        if self.has_two_step:
            passed = str(int(self.first_step_passes))
            return self._page({"authPassed": passed, "need_2sv": "1", "lost_phone": "3"})
        if self.is_password_expired:
            return self._page({"authPassed": "0", "pw_status": "1", "user_pw_expiry": "1"})
        if self.gives_session_for_get_only and asked.method == "POST":
            return self._page({"authPassed": "1", "isAdmin": "1", "username": USERNAME})
        # A login ends what the same account had.
        self._sessions = [f"sid{next(self._numbers)}"]
        values = {"authPassed": "1", "authSid": self._sessions[0], "pw_status": "0"}
        values |= {"isAdmin": str(int(self.is_administrator)), "username": USERNAME}
        values["force_2sv"] = str(int(self.wants_two_step_soon))
        return self._page(values)

    def _page(self, values: Mapping[str, str]) -> str:
        told = {"doQuick": "", "is_booting": str(int(self.is_booting))}
        told["mediaReady"] = str(int(self.is_media_ready))
        body = "".join(f"<{name}><![CDATA[{text}]]></{name}>" for name, text in told.items())
        if self.tells_of_shutdown:
            kind = 1 if self.is_going else -1
            body += f"<shutdown_info><type><![CDATA[{kind}]]></type></shutdown_info>"
        body += "<modelName><![CDATA[TS-453D]]></modelName><version><![CDATA[4.5.2]]></version>"
        body += "".join(f"<{name}><![CDATA[{text}]]></{name}>" for name, text in values.items())
        return f'<?xml version="1.0" encoding="UTF-8" ?>\n<QDocRoot version="1.0">{body}</QDocRoot>'

    def _session_of(self, asked: Asked) -> str:
        in_query = "sid=" in asked.query
        if ("query" if in_query else "body") not in self.looks_for_session_in:
            return ""
        return asked.params.get("sid", "")

    def _power(self, asked: Asked, request: web.BaseRequest) -> web.Response:
        if self.lost_sessions:
            self.lost_sessions -= 1
            self._sessions.clear()
        if self._session_of(asked) not in self._sessions or not self.is_administrator:
            return _xml(self._page({"authPassed": "0"}))
        if asked.params.get("apply") == "shutdown":
            self.shutdowns += 1
            if not self.ignores_power:
                self.begin_to_stop()
        if self.dies_while_answering and request.transport is not None:
            request.transport.abort()
        if not self.is_well_formed:
            return _xml("<QDocRoot><authPassed><![CDATA[1]]></authPassed><func><name>power_mgmt")
        return _xml(self._page({"authPassed": "1"}))

    def begin_to_stop(self) -> None:
        """Go down, as told."""
        self.is_going = True
        job = asyncio.get_running_loop().create_task(self._stop())
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _stop(self) -> None:
        await asyncio.sleep(self.web_stop_s * self.second)
        await self.stop()
        await asyncio.sleep(self.disks_stop_s * self.second)
        self.is_on = False

    def _health(self, asked: Asked) -> str:
        if self._session_of(asked) not in self._sessions:
            return self._page({"authPassed": "0"})
        health = "<sysHealth><status><![CDATA[good]]></status></sysHealth>"
        inner = f"<func><ownContent>{health}</ownContent></func>"
        return f"<QDocRoot><authPassed><![CDATA[1]]></authPassed>{inner}</QDocRoot>"


def _xml(text: str) -> web.Response:
    """Answer as the NAS does: always 200, and the type without a character set."""
    return web.Response(body=text.encode(), headers={"Content-Type": "text/xml"})
