"""QNAP's web interface (QTS, QuTS hero) as far as a power failure needs it.

There is no document of the vendor: this is what at least eight programs by others agree on, and
what python-qnapstats' users recorded of TS-110 (4.2.4) to TS-1677XU (4.5.2) and TS-X53 (4.5.4).
Not confirmed on hardware.
"""

import base64
from dataclasses import dataclass, field
import re
from typing import Final, Self

import aiohttp

from ..errors import BadAnswerError, CredentialsRefusedError, RefusedError, RequestError
from ..http import Http, HttpReply
from ..tls import Tls
from .login_pause import LoginPause, WrongPasswordError
from .provenance import KnownRequest, Provenance

_LOGIN: Final = "/cgi-bin/authLogin.cgi"
_POWER: Final = "/cgi-bin/sys/sysRequest.cgi"

REQUESTS: Final[tuple[KnownRequest, ...]] = (
    KnownRequest(
        method="GET",
        path=_LOGIN,
        provenance=Provenance.THIRD_PARTY,
        source="nmap's http-qnap-nas-info; with a login, python-qnapstats for one recorded model",
    ),
    KnownRequest(
        method="POST",
        path=_LOGIN,
        provenance=Provenance.RECORDED,
        source="python-qnapstats, recorded of QTS 4.2 to 4.5",
    ),
    KnownRequest(
        method="POST",
        path=_POWER,
        provenance=Provenance.THIRD_PARTY,
        source="programs in Go, Java, C#, JavaScript and Python, 2011 to 2026",
        changes=True,
    ),
    KnownRequest(
        method="GET",
        path=_POWER,
        provenance=Provenance.THIRD_PARTY,
        source="the same, most of them in this way",
        changes=True,
    ),
)


class TwoStepError(CredentialsRefusedError):
    """The account has 2-step verification, which nobody can answer during an outage."""


class PasswordExpiredError(CredentialsRefusedError):
    """The NAS wants another password from this account."""


class SessionError(RefusedError):
    """The NAS does not know the session, so that it did nothing; it says so with HTTP 200."""


class Answer:
    """What the NAS says; its XML is not always well-formed, so that it is not parsed as such."""

    def __init__(self, text: str) -> None:
        """Take the body."""
        self._text = text

    def value(self, name: str) -> str | None:
        """Return the text of the first element of this name; None if there is none."""
        element = rf"<{name}>\s*(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))\s*</{name}>"
        match = re.search(element, self._text, re.DOTALL)
        return (match[1] or match[2] or "").strip() if match else None

    def section(self, name: str) -> Answer:
        """Return what stands inside of the first element of this name; empty if there is none."""
        match = re.search(rf"<{name}>(.*?)</{name}>", self._text, re.DOTALL)
        return Answer(match[1] if match else "")

    def says(self, *names: str) -> bool:
        """Return whether one of these elements holds 1."""
        return any(self.value(name) == "1" for name in names)

    @property
    def is_qnap(self) -> bool:
        """Whether this comes from a NAS of this make at all."""
        return "<QDocRoot" in self._text


@dataclass(frozen=True, slots=True, kw_only=True)
class QnapStatus:
    """What a NAS tells everybody."""

    model: str = ""
    firmware: str = ""
    is_booting: bool = False
    is_media_ready: bool = True
    """Whether its volumes are there; True of firmware that does not say."""
    is_going: bool = False
    """Whether it says that it shuts down; older firmware says nothing."""

    @classmethod
    def read(cls, answer: Answer) -> Self:
        """Read it from the answer to a login page without a login."""
        return cls(
            model=answer.value("modelName") or answer.value("displayModelName") or "",
            firmware=answer.value("version") or "",
            is_booting=answer.says("is_booting"),
            is_media_ready=answer.value("mediaReady") != "0",
            is_going=_is_going(answer),
        )


def _is_going(answer: Answer) -> bool:
    """Return whether `shutdown_info` is set; its type was recorded as -1 while nothing goes on."""
    return answer.section("shutdown_info").value("type") not in {None, "", "-1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login that was accepted."""

    sid: str = field(repr=False)
    is_administrator: bool
    was_in_url: bool
    """Whether the NAS gave a session only for a password in the URL."""


class QnapApi:
    """Requests to one NAS.

    Each command has a login of its own: what is sent with an old session is answered with HTTP
    200 too, and nothing is done.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        host: str,
        port: int,
        username: str,
        password: str,
        tls: Tls,
    ) -> None:
        """Take the session from outside; nothing is opened."""
        address = f"[{host}]" if ":" in host else host
        self._http = Http(session, f"https://{address}:{port}", tls=tls, secrets=(password,))
        # Not a secret's disguise, only its spelling: TLS keeps it.
        encoded = base64.b64encode(password.encode()).decode()
        self._credentials = {"user": username, "pwd": encoded}
        self._pause = LoginPause()

    @property
    def label(self) -> str:
        """Host and port."""
        return self._http.label

    async def open(self) -> None:
        """Load what is trusted."""
        await self._http.open()

    async def status(self) -> QnapStatus:
        """Return what the NAS tells everybody.

        Raises:
            BadAnswerError: it is no NAS of this make, or one in the middle of its end.
            RequestError: no answer.

        """
        return QnapStatus.read(self._answer(await self._http.request("GET", _LOGIN)))

    async def shut_down(self) -> None:
        """Log in and send the request; once more if the session was lost in between.

        Another program with the same account ends our session by its own login. The second
        request is spelled as most programs do, with the session in the URL: a NAS that does not
        look for it in the body answers as if it were expired.

        Raises:
            WrongPasswordError: and no other login is tried for `LOGIN_PAUSE_S`.
            TwoStepError: the account has 2-step verification.
            PasswordExpiredError: the account wants another password.
            SessionError: both sessions were refused; nothing was done.
            RequestError: no answer; if it was to the request itself, it may have been heard.

        """
        try:
            await self._power(in_url=False)
        except SessionError:
            await self._power(in_url=True)

    async def _power(self, *, in_url: bool) -> None:
        try:
            session = await self.log_in()
        except RequestError as err:
            # What counts is the request behind the login.
            err.was_sent = False
            raise
        fields = {"sid": session.sid, "apply": "shutdown"}
        query = {"subfunc": "power_mgmt"}
        if in_url:
            reply = await self._http.request("GET", _POWER, params={**query, **fields})
        else:
            reply = await self._http.request("POST", _POWER, params=query, data=fields)
        if not reply.is_success:
            raise RefusedError(reply.detail)
        if Answer(reply.text).value("authPassed") == "0":
            raise SessionError("the NAS refuses the session of this moment (authPassed 0)")

    async def log_in(self) -> Session:
        """Log in.

        Raises:
            WrongPasswordError: user or password is wrong, or was less than `LOGIN_PAUSE_S` ago.
            TwoStepError: the account has 2-step verification.
            PasswordExpiredError: the account wants another password.
            RequestError: no answer, or none that can be used.

        """
        self._pause.demand_over()
        answer = self._answer(await self._http.request("POST", _LOGIN, data=self._credentials))
        self._demand_passed(answer)
        if sid := answer.value("authSid"):
            return self._session(answer, sid, was_in_url=False)
        # Recorded of a TS-251 with 4.5.1: accepted, but a session comes for a GET only.
        answer = self._answer(await self._http.request("GET", _LOGIN, params=self._credentials))
        self._demand_passed(answer)
        if sid := answer.value("authSid"):
            return self._session(answer, sid, was_in_url=True)
        raise BadAnswerError(f"{self.label} accepts the login, but gives no session")

    def _session(self, answer: Answer, sid: str, *, was_in_url: bool) -> Session:
        self._http.add_secrets((sid,))
        return Session(
            sid=sid, is_administrator=answer.value("isAdmin") != "0", was_in_url=was_in_url
        )

    def _demand_passed(self, answer: Answer) -> None:
        two_steps = answer.says("need_2sv", "need_2_step_verification", "force_2sv")
        if answer.says("authPassed") and (answer.value("authSid") or not two_steps):
            return
        if two_steps:
            raise TwoStepError("the account has 2-step verification, or is made to have it")
        if answer.says("user_pw_expiry", "pw_status"):
            raise PasswordExpiredError("the account's password has expired")
        words = f"user or password is wrong (errorValue {answer.value('errorValue')})"
        self._pause.begin(words)
        raise WrongPasswordError(words)

    def _answer(self, reply: HttpReply) -> Answer:
        answer = Answer(reply.text)
        if not reply.is_success or not answer.is_qnap:
            raise BadAnswerError(f"{self.label} answers unlike a QNAP NAS (HTTP {reply.status})")
        return answer
