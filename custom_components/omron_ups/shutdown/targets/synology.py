"""Stops a Synology NAS through DSM's web API."""

from collections.abc import Sequence
from enum import StrEnum
import logging
from typing import Final, override

import aiohttp

from ..errors import BadAnswerError, RequestError, ShutdownError
from ..fields import TLS_FIELDS, Field, FieldType, Options, port_field
from ..findings import address_findings, finding, finding_of
from ..models import Finding, HostState, Observation, Outcome, Reply
from ..specs import TargetSpec
from ..target import SecondFactor, StopContext, StopStep, Target
from ..tls import Tls
from .synology_api import (
    AccountError,
    BlockedError,
    CodeRefusedError,
    NoSecondFactorError,
    NotAdministratorError,
    SynologyApi,
    TwoStepError,
)

_LOGGER = logging.getLogger(__name__)

DEFAULT_PORT: Final = 5001
SHUTDOWN: Final = StopStep(key="shutdown", resend_after_s=30.0)

FIELDS: Final = (
    Field(name="host", is_required=True),
    port_field(DEFAULT_PORT),
    Field(name="username", is_required=True),
    Field(name="password", is_required=True, is_secret=True),
    Field(name="device_token", type=FieldType.DEVICE_TOKEN, is_secret=True),
    *TLS_FIELDS,
)


class SynologyFinding(StrEnum):
    """Translation keys under `issues`; their placeholders are `target` and `detail`."""

    TWO_STEP = "synology_two_step"
    """Enter a code once, so that DSM knows us from then on."""
    CODE_REFUSED = "synology_code_refused"
    """Enter the code that is valid now; a device token that DSM has forgotten is replaced so."""
    NO_SECOND_FACTOR = "synology_no_second_factor"
    """Log in with a browser and set it up, or take the account out of the rule."""
    BLOCKED = "synology_blocked"
    """Take our address off DSM's block list."""
    ACCOUNT = "synology_account"
    """Put the account in order: it is disabled, or its password has expired."""
    NOT_ADMINISTRATOR = "synology_not_administrator"
    """Put the account into the group `administrators`."""


_KEYS: Final[tuple[tuple[type[ShutdownError], SynologyFinding], ...]] = (
    (CodeRefusedError, SynologyFinding.CODE_REFUSED),
    (TwoStepError, SynologyFinding.TWO_STEP),
    (NoSecondFactorError, SynologyFinding.NO_SECOND_FACTOR),
    (BlockedError, SynologyFinding.BLOCKED),
    (AccountError, SynologyFinding.ACCOUNT),
    (NotAdministratorError, SynologyFinding.NOT_ADMINISTRATOR),
)


class SynologyTarget(Target, SecondFactor):
    """A NAS with DSM 6 or 7; an account of its group `administrators`.

    Our knowledge of each request is in `synology_api.REQUESTS`; not confirmed on hardware.
    """

    steps = (SHUTDOWN,)
    code_findings = frozenset({SynologyFinding.TWO_STEP, SynologyFinding.CODE_REFUSED})

    def __init__(self, spec: TargetSpec, session: aiohttp.ClientSession) -> None:
        """Take the configuration, and the session from its owner.

        Raises:
            OptionError: an option is missing or cannot be used.

        """
        super().__init__(spec)
        options = Options(spec.options, FIELDS)
        self._host = options.text("host").strip("[]")
        self._api = SynologyApi(
            session,
            host=self._host,
            port=options.integer("port"),
            username=options.text("username"),
            password=options.text("password"),
            device_token=options.text("device_token"),
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
    async def obtain_device_token(self, code: str) -> str:
        """Log in with a code of the second factor, once; return what replaces it from then on.

        Raises:
            CredentialsRefusedError: the login is refused; the subclass says why.
            BadAnswerError: this DSM gives no such token (older than 6.2).
            RequestError: no answer.

        """
        session = await self._api.log_in(await self._api.apis(), code=code)
        if not session.device_token:
            raise BadAnswerError("DSM gives no device token")
        return session.device_token

    @override
    async def preflight(self) -> Sequence[Finding]:
        """Look at the NAS, log in once, ask for what administrators may, and log out."""
        found = list(address_findings(self.spec, self._host))
        try:
            apis = await self._api.apis()
            session = await self._api.log_in(apis)
            await self._api.demand_administrator(apis, session)
            await self._api.log_out(apis, session)
        except ShutdownError as err:
            return [*found, self.explain(err)]
        return found

    @override
    def explain(self, error: ShutdownError) -> Finding:
        key = next((key for kind, key in _KEYS if isinstance(error, kind)), None)
        return finding(self.spec, key, detail=str(error)) if key else finding_of(self.spec, error)

    @override
    async def rehearse(self) -> Sequence[str]:
        """Return what would be stopped; DSM has no dry run, and a login is not needed."""
        await self._api.apis()
        return (f"would shut down the NAS at {self._api.label}",)

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        try:
            await self._api.shut_down()
        except RequestError as err:
            return err.reply
        return Reply(outcome=Outcome.ACCEPTED, detail="DSM has taken the request")

    @override
    async def observe(self) -> Observation:
        """Return what DSM tells everybody: it goes long before the disks are at rest."""
        try:
            await self._api.apis()
        except BadAnswerError as err:
            return Observation(state=HostState.GOING, evidence=str(err))
        except RequestError as err:
            return Observation(state=HostState.UNKNOWN, evidence=str(err))
        return Observation(state=HostState.UP, evidence="DSM answers")

    @override
    async def is_ready(self) -> bool | None:
        """Return whether DSM answers and offers what is needed."""
        try:
            apis = await self._api.apis()
        except RequestError as err:
            _LOGGER.debug("%s: %s", self.spec.name, err)
            return False
        return bool(apis)
