"""A Synology NAS: login with device tokens, and a shutdown request that its second version lost.

Codes and fields are those of Synology's login guide and of py-synologydsm-api's recordings.
"""

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import override

from aiohttp import web

from .server import Asked, FakeServer

USERNAME = "ups"
PASSWORD = "päss&wörd+/ 5ec"
CODE = "314159"
FAILURES_TO_BLOCK = 5
INFO, AUTH, SYSTEM, DSM = "SYNO.API.Info", "SYNO.API.Auth", "SYNO.Core.System", "SYNO.DSM.Info"

Answer = Mapping[str, object]


class DsmError(Exception):
    """What DSM answers instead of data."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class FakeSynology(FakeServer):
    """One NAS with one account."""

    def __init__(self, name: str = "diskstation", *, second: float = 0.001) -> None:
        super().__init__(name)
        self.second = second
        """How long a second of the fake lasts."""
        self.password = PASSWORD
        self.is_administrator = True
        self.has_two_step = False
        self.login_error = 0
        """What every login with the right password is answered with."""
        self.auth_version = 7
        self.has_syno_token = False
        self.lost_sessions: list[int] = []
        """With which codes the next sessions are not known any more when they are used."""
        self.ignores_shutdown = False
        self.dies_while_answering = False
        self.is_on = True
        self.web_stop_s = 5.0
        self.disks_stop_s = 60.0
        self.shutdowns = 0
        self.logins = 0
        self.failures = 0
        self.device_tokens: dict[str, str] = {}
        """Token and the device's name that it is bound to."""
        self.sessions: set[str] = set()
        self._numbers = count(1)
        self._jobs: set[asyncio.Task[None]] = set()

    async def settle(self) -> None:
        """Wait until nothing goes on any more."""
        while pending := [job for job in self._jobs if not job.done()]:
            await asyncio.wait(pending)

    def forget_sessions(self) -> None:
        """End all sessions, as a reboot does."""
        self.sessions.clear()

    async def power_on(self) -> None:
        """Let it start."""
        self.is_on = True
        self.forget_sessions()
        await self.start()

    @override
    async def answer(self, asked: Asked, request: web.BaseRequest) -> web.StreamResponse:
        try:
            told: Answer = {"success": True, "data": self._data(asked.path, asked.params)}
        except DsmError as err:
            told = {"success": False, "error": {"code": err.code}}
        if self.dies_while_answering and asked.params.get("method") == "shutdown":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(told)

    def _data(self, path: str, params: Mapping[str, str]) -> Answer:
        api = self._apis.get(params.get("api", ""))
        if api is None:
            raise DsmError(102)
        if path != f"/webapi/{api['path']}":
            raise DsmError(102)
        if int(params.get("version", "0")) not in range(1, int(str(api["maxVersion"])) + 1):
            raise DsmError(104)
        return self._call(params["api"], params.get("method", ""), params)

    def _call(self, api: str, method: str, params: Mapping[str, str]) -> Answer:
        if (api, method) == (INFO, "query"):
            wanted = params.get("query", "all").split(",")
            return {n: row for n, row in self._apis.items() if n in wanted or wanted == ["all"]}
        if (api, method) == (AUTH, "login"):
            return self._login(params)
        self._demand_session(params)
        if (api, method) == (AUTH, "logout"):
            self.sessions.discard(params["_sid"])
            return {}
        if (api, method) == (DSM, "getinfo"):
            return {"model": "DS918+", "version": "72806", "version_string": "DSM 7.2.2"}
        if api == SYSTEM:
            return self._system(method, params)
        raise DsmError(103)

    @property
    def _apis(self) -> dict[str, dict[str, object]]:
        return {
            INFO: {"minVersion": 1, "maxVersion": 1, "path": "query.cgi"},
            AUTH: {"minVersion": 1, "maxVersion": self.auth_version, "path": "entry.cgi"},
            SYSTEM: {"minVersion": 1, "maxVersion": 3, "path": "entry.cgi"},
            DSM: {"minVersion": 1, "maxVersion": 2, "path": "entry.cgi"},
        }

    def _login(self, params: Mapping[str, str]) -> Answer:
        self.logins += 1
        if self.failures >= FAILURES_TO_BLOCK:
            raise DsmError(407)
        if (params.get("account"), params.get("passwd")) != (USERNAME, self.password):
            self.failures += 1
            raise DsmError(400)
        if self.login_error:
            raise DsmError(self.login_error)
        self._demand_second_factor(params)
        sid = f"sid{next(self._numbers)}"
        self.sessions.add(sid)
        told: dict[str, object] = {"sid": sid}
        if self.has_syno_token:
            told["synotoken"] = f"token-of-{sid}"
        if params.get("otp_code") and params.get("enable_device_token") == "yes":
            token = f"device{next(self._numbers)}-of-a-trusted-browser"
            self.device_tokens[token] = params.get("device_name", "")
            told["did" if int(params["version"]) < 7 else "device_id"] = token
        return told

    def _demand_second_factor(self, params: Mapping[str, str]) -> None:
        if not self.has_two_step:
            return
        known = self.device_tokens.get(params.get("device_id", ""))
        if known is not None and known == params.get("device_name"):
            return
        if not params.get("otp_code"):
            raise DsmError(403)
        if params["otp_code"] != CODE:
            raise DsmError(404)

    def _demand_session(self, params: Mapping[str, str]) -> None:
        if self.lost_sessions:
            self.sessions.clear()
            raise DsmError(self.lost_sessions.pop(0))
        sid = params.get("_sid", "")
        if sid not in self.sessions:
            raise DsmError(119)
        if self.has_syno_token and params.get("SynoToken") != f"token-of-{sid}":
            raise DsmError(119)

    def _system(self, method: str, params: Mapping[str, str]) -> Answer:
        if method not in {"info", "shutdown", "reboot"}:
            raise DsmError(103)
        if method != "info" and params["version"] != "1":
            raise DsmError(103)
        if not self.is_administrator:
            raise DsmError(105)
        if method == "shutdown":
            self.shutdowns += 1
            if not self.ignores_shutdown:
                self.begin_to_stop()
        return {"model": "DS918+"} if method == "info" else {}

    def begin_to_stop(self) -> None:
        """Go down, as told."""
        job = asyncio.get_running_loop().create_task(self._stop())
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _stop(self) -> None:
        await asyncio.sleep(self.web_stop_s * self.second)
        await self.stop()
        await asyncio.sleep(self.disks_stop_s * self.second)
        self.is_on = False
