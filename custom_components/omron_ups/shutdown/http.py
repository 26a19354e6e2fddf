"""HTTP to hosts that are to be stopped: one policy for time limits, trust and secrets."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
import json
import logging
import ssl
from typing import Any, Final

import aiohttp
from yarl import URL

from .errors import (
    BadAnswerError,
    IdentityChangedError,
    IdentityError,
    NoAnswerError,
    OptionError,
    RequestError,
    UnreachableError,
)
from .models import Outcome, Reply
from .redaction import Redactor
from .tls import Tls, format_fingerprint, load_trust

CONNECT_LIMIT_S: Final = 5.0
REQUEST_LIMIT_S: Final = 15.0
MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of an answer that are read; the pods of a large cluster are a few MiB."""

SUCCESS: Final = range(200, 300)
# A proxy in between lost the host that it asked, perhaps because that one is stopping.
# 595 to 599 are what Proxmox VE answers then.
_LOST_BEHIND_PROXY: Final = frozenset({502, 504, *range(595, 600)})

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """What a server answered, whatever the status."""

    status: int
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    detail: str = ""
    """Status and the first 500 characters of the body, without secrets, for people."""

    @property
    def text(self) -> str:
        """The body; what is no UTF-8 is replaced."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Return the body.

        Raises:
            BadAnswerError: it is no JSON.

        """
        try:
            return json.loads(self.body)
        except ValueError:
            pass
        # Outside of the handler: the error of the decoder holds the whole body.
        raise BadAnswerError(f"the answer is no JSON: {self.detail}")

    @property
    def is_success(self) -> bool:
        """Whether the status says that it was done."""
        return self.status in SUCCESS

    def reply(self, accepted: Collection[int] = SUCCESS) -> Reply:
        """Return what this says about a request that was to change something."""
        if self.status in accepted:
            return Reply(outcome=Outcome.ACCEPTED, detail=f"HTTP {self.status}")
        if self.status in _LOST_BEHIND_PROXY:
            return Reply(outcome=Outcome.UNKNOWN, detail=self.detail)
        return Reply(outcome=Outcome.REFUSED, detail=self.detail)


class Http:
    """Requests to one server.

    Every request has a connection of its own, because one from a pool may be dead and its loss
    would look like a lost answer. Redirects are not followed: they would carry the credential
    elsewhere, and a power command is not to be sent twice.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        *,
        tls: Tls,
        secrets: Collection[str] = (),
    ) -> None:
        """Take `session` from the owner, who closes it; it should keep no cookies.

        `base_url` holds no user and password. `secrets` appear in no text that leaves here.

        Raises:
            OptionError: `base_url` is no address of a server.

        """
        self._session = session
        self._base = _parse(base_url)
        self._tls = tls
        self._trust: ssl.SSLContext | aiohttp.Fingerprint | None = None
        self.redact = Redactor(secrets)

    @property
    def label(self) -> str:
        """Host and port, for messages."""
        return self.redact(self._base.authority)

    def add_secrets(self, secrets: Collection[str]) -> None:
        """Redact these as well: a session's id that was just obtained."""
        self.redact = self.redact.extended(secrets)

    async def open(self) -> None:
        """Load what is trusted, so that no disk is read during an outage.

        Raises:
            OptionError: the authority or the fingerprint cannot be read.

        """
        await self._loaded_trust()

    async def _loaded_trust(self) -> ssl.SSLContext | aiohttp.Fingerprint:
        if self._trust is None:
            self._trust = await load_trust(self._tls)
        return self._trust

    async def request(
        self,
        method: str,
        path: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: object = None,
        data: bytes | str | Mapping[str, str] | None = None,
        limit_s: float = REQUEST_LIMIT_S,
    ) -> HttpReply:
        """Send one request, once, and return the answer whatever its status.

        `path` is appended to the base as it is; it begins with a slash. 5 s to connect and
        `limit_s` for all of it.

        Raises:
            UnreachableError: no connection; nothing was sent.
            IdentityChangedError: the confirmed certificate has changed; nothing was sent.
            IdentityError: the certificate is not trusted; nothing was sent.
            NoAnswerError: sent, but no whole answer came back.
            BadAnswerError: what came back is no HTTP.

        """
        trust = await self._loaded_trust()
        url = URL(f"{str(self._base).rstrip('/')}{path}", encoded=True)
        options: dict[str, Any] = {"params": params, "json": json, "data": data}
        try:
            reply = await self._exchange(
                method,
                url,
                # An object of ours alone, so that no pooled connection of anybody else fits.
                ssl=trust,
                headers={**(headers or {}), "Connection": "close"},
                timeout=aiohttp.ClientTimeout(total=limit_s, connect=CONNECT_LIMIT_S),
                **{name: value for name, value in options.items() if value is not None},
            )
        except (aiohttp.ClientError, OSError, ValueError) as err:
            error = self._error(err)
        else:
            _LOGGER.debug("%s %s: HTTP %s", method, self.label, reply.status)
            return reply
        _LOGGER.debug("%s %s: %s", method, self.label, error)
        # Outside of the handler: what aiohttp raises knows the URL and the headers.
        raise error

    async def _exchange(self, method: str, url: URL, **options: Any) -> HttpReply:
        async with self._session.request(
            method,
            url,
            server_hostname=self._tls.server_name or None,
            allow_redirects=False,
            middlewares=(_once,),
            **options,
        ) as response:
            body = await _read(response)
            reason = self.redact(response.reason or "")
            words = f"HTTP {response.status} {reason}: {body.decode(errors='replace')}"
            return HttpReply(
                status=response.status,
                reason=reason,
                headers=response.headers,
                body=body,
                detail=self.redact.excerpt(words).removesuffix(":"),
            )

    def _error(self, err: Exception) -> RequestError:
        """Return our error for one of aiohttp's; the first row that fits."""
        if isinstance(err, aiohttp.ServerFingerprintMismatch):
            shown = format_fingerprint(err.got)
            return IdentityChangedError(
                f"{self.label} shows another certificate than the confirmed one: {shown}",
                fingerprint=shown,
            )
        kind, words = next((kind, words) for of, kind, words in _ERRORS if isinstance(err, of))
        said = self.redact.excerpt(_words(err))
        return kind(f"{self.label} {words} ({said})")


def _parse(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme in {"http", "https"} and url.host:
        return url
    # The address is not repeated: that of a webhook is a secret.
    raise OptionError("the address is none that begins with http:// or https:// and names a host")


class _LostError(aiohttp.ClientError):
    """The connection died after the request may have left."""


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Let no request be sent twice: aiohttp repeats GET, PUT and DELETE when a connection dies.

    Seen with aiohttp 3.14, on new connections too, and nothing public switches it off; errors of
    a kind of our own are not repeated.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as err:
        raise _LostError(str(err)) from err


def _words(err: Exception) -> str:
    """Return what the error says, without aiohttp's own talk about its SSL context."""
    if isinstance(err, aiohttp.ClientConnectorCertificateError):
        err = err.certificate_error
    elif isinstance(err, aiohttp.ClientConnectorError):
        err = err.os_error
    return str(err) or type(err).__name__


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            raise aiohttp.ClientPayloadError("the answer is too long")
    return bytes(body)


# What aiohttp raises before the request leaves stands above its more general bases.
_ERRORS: Final[tuple[tuple[type[Exception], type[RequestError], str], ...]] = (
    (aiohttp.ClientConnectorCertificateError, IdentityError, "shows a certificate not trusted"),
    (aiohttp.ClientConnectorSSLError, IdentityError, "cannot agree on TLS with us"),
    (aiohttp.ClientConnectorError, UnreachableError, "cannot be reached"),
    (aiohttp.ConnectionTimeoutError, UnreachableError, "does not accept connections"),
    (aiohttp.InvalidURL, UnreachableError, "has an address that cannot be used"),
    (aiohttp.ClientResponseError, BadAnswerError, "answers what is no HTTP"),
    (aiohttp.ClientError, NoAnswerError, "broke the connection before its answer was complete"),
    (TimeoutError, NoAnswerError, "did not answer in time"),
    (OSError, NoAnswerError, "broke the connection before its answer was complete"),
    (ValueError, UnreachableError, "has an address or a header that cannot be used"),
)
