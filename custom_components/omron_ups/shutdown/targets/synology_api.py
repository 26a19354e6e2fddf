"""Synology DSM's web API as far as a power failure needs it.

Login and errors: Synology's DSM Login Web API guide; the shutdown request and its version: the
source of py-synologydsm-api, which Home Assistant uses. Not confirmed on hardware.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from ..errors import BadAnswerError, CredentialsRefusedError, RefusedError, RequestError
from ..http import Http
from ..tls import Tls
from .login_pause import LoginPause, WrongPasswordError
from .provenance import KnownRequest, Provenance

# Fixed: a token is bound to the name, and the name of a container changes.
DEVICE_NAME: Final = "omron_ups"
_SESSION: Final = "omron_ups"
_INFO: Final = "SYNO.API.Info"
_AUTH: Final = "SYNO.API.Auth"
_SYSTEM: Final = "SYNO.Core.System"
# What we know how to speak; 6 brought the device token.
_OLDEST_AUTH: Final = 3
_NEWEST_AUTH: Final = 7
# Later versions of the API do not know `shutdown`; `info` was recorded of the newest of them.
_SHUTDOWN_VERSION: Final = 1
_NEWEST_INFO: Final = 3
_GUIDE: Final = "DSM Login Web API guide"

REQUESTS: Final[tuple[KnownRequest, ...]] = (
    KnownRequest(
        method="GET",
        path=f"/webapi/query.cgi {_INFO} query",
        provenance=Provenance.DOCUMENTED,
        source=_GUIDE,
    ),
    KnownRequest(
        method="POST",
        path=f"/webapi/entry.cgi {_AUTH} login",
        provenance=Provenance.DOCUMENTED,
        source=_GUIDE,
    ),
    KnownRequest(
        method="POST",
        path=f"/webapi/entry.cgi {_AUTH} logout",
        provenance=Provenance.DOCUMENTED,
        source=_GUIDE,
    ),
    KnownRequest(
        method="POST",
        path=f"/webapi/entry.cgi {_SYSTEM} info",
        provenance=Provenance.RECORDED,
        source="py-synologydsm-api, recorded of DSM 6 and 7",
    ),
    KnownRequest(
        method="POST",
        path=f"/webapi/entry.cgi {_SYSTEM} shutdown",
        provenance=Provenance.THIRD_PARTY,
        source="py-synologydsm-api",
        changes=True,
    ),
)


class SynologyError(RefusedError):
    """DSM refuses a request; the text has its code in words."""


class SessionError(SynologyError):
    """DSM does not know the session, so that it did nothing."""


class NotAdministratorError(CredentialsRefusedError):
    """The account may not do this."""


class TwoStepError(CredentialsRefusedError):
    """DSM wants a code, or a device token that it gave for one."""


class CodeRefusedError(TwoStepError):
    """The code is wrong or too old, or the device token is not accepted any more."""


class NoSecondFactorError(CredentialsRefusedError):
    """DSM insists on a second factor, and the account has none that could be asked for."""


class BlockedError(WrongPasswordError):
    """DSM hears nothing of our address any more: whatever is tried makes it worse."""


class AccountError(CredentialsRefusedError):
    """The account is good, but cannot log in: disabled, blocked, its password has expired."""


_LOGIN_ERRORS: Final[Mapping[int, tuple[type[CredentialsRefusedError], str]]] = {
    400: (WrongPasswordError, "user or password is wrong"),
    401: (AccountError, "the account is disabled"),
    402: (AccountError, "the account may not log in"),
    403: (TwoStepError, "the account has 2-factor authentication: a code is wanted once"),
    404: (CodeRefusedError, "the code is wrong, or the device token is not accepted any more"),
    406: (NoSecondFactorError, "DSM insists on 2-factor authentication: set it up for the account"),
    407: (BlockedError, "DSM has blocked our IP address: take it off the block list"),
    408: (AccountError, "the password has expired and cannot be changed"),
    409: (AccountError, "the password has expired"),
    410: (AccountError, "the password must be changed"),
    411: (WrongPasswordError, "the account is locked after too many failures"),
}
_COMMON_ERRORS: Final[Mapping[int, tuple[type[RefusedError], str]]] = {
    101: (SynologyError, "a parameter is missing"),
    102: (SynologyError, "this DSM does not have the API"),
    103: (SynologyError, "this DSM does not have the method"),
    104: (SynologyError, "this DSM does not have the version of the API"),
    105: (NotAdministratorError, "the account is no administrator"),
    106: (SessionError, "the session has expired"),
    107: (SessionError, "another login has ended the session"),
    119: (SessionError, "the session is not known"),
    160: (NotAdministratorError, "the account may not use the API"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Where an API is, and in which versions."""

    path: str
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login that was accepted."""

    sid: str = field(repr=False)
    token: str = field(default="", repr=False)
    """What DSM wants besides the session, if it is set to be careful."""
    device_token: str = field(default="", repr=False)
    """What spares the next login a code; only with one."""

    @property
    def fields(self) -> Mapping[str, str]:
        """What each request of the session has."""
        return {"_sid": self.sid, **({"SynoToken": self.token} if self.token else {})}


class SynologyApi:
    """Requests to one NAS. Each command has a login of its own."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        host: str,
        port: int,
        username: str,
        password: str,
        device_token: str,
        tls: Tls,
    ) -> None:
        """Take the session from outside; nothing is opened."""
        address = f"[{host}]" if ":" in host else host
        secrets = (password, device_token)
        self._http = Http(session, f"https://{address}:{port}/webapi", tls=tls, secrets=secrets)
        self._credentials = {"account": username, "passwd": password}
        self._device_token = device_token
        self._pause = LoginPause()

    @property
    def label(self) -> str:
        """Host and port."""
        return self._http.label

    async def open(self) -> None:
        """Load what is trusted."""
        await self._http.open()

    async def apis(self) -> Mapping[str, Api]:
        """Return what this DSM offers of what we need; no login.

        Raises:
            BadAnswerError: it is no DSM, or one in the middle of its end.
            RequestError: no answer.

        """
        params = {"api": _INFO, "version": "1", "method": "query", "query": f"{_AUTH},{_SYSTEM}"}
        reply = await self._http.request("GET", "/query.cgi", params=params)
        if not reply.is_success:
            raise BadAnswerError(f"{self.label} answers unlike DSM (HTTP {reply.status})")
        data = self._data(reply.json(), _COMMON_ERRORS)
        rows = ((name, data.get(name)) for name in (_AUTH, _SYSTEM))
        return {
            name: Api(path=str(row.get("path")), newest=int(row.get("maxVersion", 1)))
            for name, row in rows
            if isinstance(row, Mapping)
        }

    async def shut_down(self) -> None:
        """Log in and send the request; once more if the session was lost in between.

        Raises:
            CredentialsRefusedError: the login is refused; the subclass says why.
            SynologyError: the request is refused.
            RequestError: no answer; if it was to the request itself, it may have been heard.

        """
        try:
            await self._shut_down()
        except SessionError:
            await self._shut_down()

    async def _shut_down(self) -> None:
        try:
            apis = await self.apis()
            session = await self.log_in(apis)
        except RequestError as err:
            # What counts is the request behind the login.
            err.was_sent = False
            raise
        await self._system(apis, session, "shutdown", _SHUTDOWN_VERSION)

    async def demand_administrator(self, apis: Mapping[str, Api], session: Session) -> None:
        """Ask for what only administrators are told.

        Raises:
            NotAdministratorError: the account is none.
            RequestError: no answer.

        """
        newest = self._offered(apis, _SYSTEM).newest
        await self._system(apis, session, "info", min(newest, _NEWEST_INFO))

    async def _system(
        self, apis: Mapping[str, Api], session: Session, method: str, version: int
    ) -> None:
        fields = {"api": _SYSTEM, "version": str(version), "method": method, **session.fields}
        if method == "shutdown":
            fields["local"] = "true"
        await self._post(self._offered(apis, _SYSTEM).path, fields, _COMMON_ERRORS)

    async def log_in(self, apis: Mapping[str, Api], *, code: str = "") -> Session:
        """Log in; with a code of the second factor DSM gives a device token for later.

        Raises:
            WrongPasswordError: user or password is wrong, or was not long ago.
            TwoStepError: a code is wanted, or wrong.
            NoSecondFactorError: a second factor is wanted that the account does not have.
            AccountError: the account cannot log in.
            RequestError: no answer, or none that can be used.

        """
        self._pause.demand_over()
        api = self._offered(apis, _AUTH)
        fields = {"api": _AUTH, "method": "login", "session": _SESSION, "format": "sid"}
        fields["version"] = str(max(_OLDEST_AUTH, min(api.newest, _NEWEST_AUTH)))
        fields |= {**self._credentials, **self._second_factor(code)}
        self._http.add_secrets((code,))
        try:
            data = await self._post(api.path, fields, {**_COMMON_ERRORS, **_LOGIN_ERRORS})
        except WrongPasswordError as err:
            self._pause.begin(str(err))
            raise
        given = Session(
            sid=str(data.get("sid") or ""),
            token=str(data.get("synotoken") or ""),
            # Version 6 calls it by the first name, 7 by the second.
            device_token=str(data.get("did") or data.get("device_id") or ""),
        )
        self._http.add_secrets((given.sid, given.token, given.device_token))
        if not given.sid:
            raise BadAnswerError(f"{self.label} accepts the login, but gives no session")
        return given

    def _second_factor(self, code: str) -> Mapping[str, str]:
        named = {"device_name": DEVICE_NAME}
        if code:
            return {**named, "otp_code": code, "enable_device_token": "yes"}
        return {**named, "device_id": self._device_token} if self._device_token else {}

    async def log_out(self, apis: Mapping[str, Api], session: Session) -> None:
        """End a session.

        Raises:
            RequestError: no answer, or a refusal.

        """
        api = self._offered(apis, _AUTH)
        fields = {"api": _AUTH, "method": "logout", "session": _SESSION, **session.fields}
        fields["version"] = str(max(_OLDEST_AUTH, min(api.newest, _NEWEST_AUTH)))
        await self._post(api.path, fields, _COMMON_ERRORS)

    def _offered(self, apis: Mapping[str, Api], name: str) -> Api:
        if name not in apis:
            raise BadAnswerError(f"{self.label} does not offer {name}")
        return apis[name]

    async def _post(
        self,
        path: str,
        fields: Mapping[str, str],
        errors: Mapping[int, tuple[type[RefusedError], str]],
    ) -> Mapping[str, Any]:
        reply = await self._http.request("POST", f"/{path}", data=fields)
        if not reply.is_success:
            raise RefusedError(reply.detail)
        return self._data(reply.json(), errors)

    def _data(
        self, answer: object, errors: Mapping[int, tuple[type[RefusedError], str]]
    ) -> Mapping[str, Any]:
        """Return the `data` of an answer, empty if it has none."""
        if not isinstance(answer, Mapping) or "success" not in answer:
            raise BadAnswerError(f"{self.label} answers unlike DSM")
        if answer["success"] is True:
            data = answer.get("data")
            return data if isinstance(data, Mapping) else {}
        error = answer.get("error")
        code = error.get("code") if isinstance(error, Mapping) else None
        kind, words = errors.get(code if isinstance(code, int) else 0, (SynologyError, "refused"))
        raise kind(f"{words} (DSM's code {code})")
