"""Stops a QNAP NAS through its web interface."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, override

import aiohttp

from ..errors import BadAnswerError, RequestError, ShutdownError
from ..fields import TLS_FIELDS, Field, Options, port_field
from ..findings import address_findings, finding, finding_of
from ..models import Finding, HostState, Observation, Outcome, Reply, Severity
from ..specs import TargetSpec
from ..target import StopContext, StopStep, Target
from ..tls import Tls
from .qnap_api import PasswordExpiredError, QnapApi, QnapStatus, TwoStepError

DEFAULT_PORT: Final = 443
# A request that was accepted and then forgotten shows in no other way than by a NAS that is up.
SHUTDOWN: Final = StopStep(key="shutdown", resend_after_s=20.0)

FIELDS: Final = (
    Field(name="host", is_required=True),
    port_field(DEFAULT_PORT),
    Field(name="username", is_required=True),
    Field(name="password", is_required=True, is_secret=True),
    *TLS_FIELDS,
)


class QnapFinding(StrEnum):
    """Translation keys under `issues`; their placeholders are `target` and `detail`."""

    TWO_STEP = "qnap_two_step"
    """Use an account of its own without 2-step verification (docs/targets-qnap.md)."""
    NOT_ADMINISTRATOR = "qnap_not_administrator"
    """Put the account into the group `administrators`."""
    EXPIRED = "qnap_password_expired"
    """Give the account a new password, and one that does not expire."""
    IN_URL = "qnap_password_in_url"
    """This model wants it there: it stands in the access log of the NAS."""
    STILL_BOOTING = "qnap_still_booting"
    """Wait until it has started."""


_LOGIN_KEYS: Final[tuple[tuple[type[ShutdownError], QnapFinding], ...]] = (
    (TwoStepError, QnapFinding.TWO_STEP),
    (PasswordExpiredError, QnapFinding.EXPIRED),
)


class QnapTarget(Target):
    """A NAS with QTS or QuTS hero; an account of its group `administrators`, without 2-step.

    That nobody uses its storage any more it cannot tell: the plan looks at the hosts that do
    (`TargetSpec.uses`). Our knowledge of each request is in `qnap_api.REQUESTS`; not confirmed
    on hardware.
    """

    steps = (SHUTDOWN,)

    def __init__(self, spec: TargetSpec, session: aiohttp.ClientSession) -> None:
        """Take the configuration, and the session from its owner.

        Raises:
            OptionError: an option is missing or cannot be used.

        """
        super().__init__(spec)
        options = Options(spec.options, FIELDS)
        self._host = options.text("host").strip("[]")
        self._api = QnapApi(
            session,
            host=self._host,
            port=options.integer("port"),
            username=options.text("username"),
            password=options.text("password"),
            tls=Tls.from_options(spec.options),
        )

    @override
    async def open(self) -> None:
        """Load what is trusted.

        Raises:
            OptionError: the authority or the fingerprint cannot be read.

        """
        await self._api.open()

    @override
    async def preflight(self) -> Sequence[Finding]:
        """Look at the NAS and log in once."""
        found = list(address_findings(self.spec, self._host))
        try:
            status = await self._api.status()
            found += await self._login_findings()
        except ShutdownError as err:
            return [*found, self._login_finding(err)]
        if status.is_booting:
            found.append(self._finding(QnapFinding.STILL_BOOTING, Severity.WARNING))
        return found

    async def _login_findings(self) -> list[Finding]:
        session = await self._api.log_in()
        found = []
        if not session.is_administrator:
            found.append(self._finding(QnapFinding.NOT_ADMINISTRATOR, Severity.ERROR))
        if session.was_in_url:
            found.append(self._finding(QnapFinding.IN_URL, Severity.WARNING))
        return found

    def _login_finding(self, err: ShutdownError) -> Finding:
        key = next((key for kind, key in _LOGIN_KEYS if isinstance(err, kind)), None)
        return finding(self.spec, key, detail=str(err)) if key else finding_of(self.spec, err)

    def _finding(self, key: QnapFinding, severity: Severity) -> Finding:
        return finding(self.spec, key, detail=self._api.label, severity=severity)

    @override
    async def rehearse(self) -> Sequence[str]:
        """Return what would be stopped; a NAS has no dry run, and a login is not needed."""
        status = await self._api.status()
        return (f"would shut down the NAS at {self._api.label}{_name(status)}",)

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        try:
            await self._api.shut_down()
        except RequestError as err:
            return err.reply
        return Reply(outcome=Outcome.ACCEPTED, detail="the NAS has taken the request")

    @override
    async def observe(self) -> Observation:
        """Return what the login page shows: it goes long before the disks are at rest."""
        try:
            status = await self._api.status()
        except BadAnswerError as err:
            return Observation(state=HostState.GOING, evidence=str(err))
        except RequestError as err:
            return Observation(state=HostState.UNKNOWN, evidence=str(err))
        if status.is_going:
            return Observation(state=HostState.GOING, evidence="it says that it shuts down")
        words = "it is booting" if status.is_booting else "its login page answers"
        return Observation(state=HostState.UP, evidence=words)

    @override
    async def is_ready(self) -> bool | None:
        """Return whether it has booted and its volumes are there."""
        try:
            status = await self._api.status()
        except RequestError:
            return False
        return status.is_media_ready and not status.is_booting and not status.is_going


def _name(status: QnapStatus) -> str:
    words = " ".join(filter(None, (status.model, status.firmware)))
    return f" ({words})" if words else ""
