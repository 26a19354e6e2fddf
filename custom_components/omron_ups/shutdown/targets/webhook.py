"""Stops a host by an HTTP request that the user describes."""

from collections.abc import Callable, Collection, Mapping, Sequence
import json
import re
from typing import Any, Final, override
from urllib.parse import quote_plus

import aiohttp
from yarl import URL

from ..errors import OptionError, ShutdownError, UnreachableError
from ..fields import TLS_FIELDS, Field, FieldType, Options
from ..findings import address_findings, finding_of
from ..http import Http, HttpReply
from ..models import Finding, HostState, Observation, Outcome, Reply
from ..network import SystemNetwork
from ..specs import TargetSpec
from ..target import StopContext, StopStep, Target
from ..tls import Tls, check_identity

REQUEST: Final = StopStep(key="request")

METHODS: Final = ("POST", "GET", "PUT", "PATCH", "DELETE")

FIELDS: Final = (
    Field(name="url", is_required=True, is_secret=True),
    Field(
        name="method",
        type=FieldType.CHOICE,
        is_required=True,
        default="POST",
        choices=METHODS,
    ),
    Field(name="headers", type=FieldType.LINES, is_secret=True),
    Field(name="body", type=FieldType.LINES, is_secret=True),
    Field(name="expected_status", default="200-299"),
    Field(name="restore_url", is_secret=True),
    Field(name="wake_url", is_secret=True),
    Field(name="confirm_url", is_secret=True),
    Field(name="confirm_path"),
    Field(name="confirm_value"),
    *TLS_FIELDS,
)

# Shorter parts of URLs and headers are no secrets, and would make every text unreadable.
_SECRET_LENGTH: Final = 6
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*([^\r\n]*)")
_RANGE: Final = re.compile(r"([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?")
_PLACEHOLDER: Final = re.compile(r"\{(action|plan_id|reason|target|time_left)\}")


class WebhookTarget(Target):
    """A host behind a URL: a hypervisor without a kind of its own, a smart plug, a small server.

    `restore_url` and `wake_url` are asked with the same method, headers and body; `{action}` in
    the body tells them apart. `confirm_url` is read with GET.
    """

    steps = (REQUEST,)

    def __init__(self, spec: TargetSpec, session: aiohttp.ClientSession) -> None:
        """Take the configuration, and a session that keeps no cookies; its owner closes it."""
        super().__init__(spec)
        self._options = Options(spec.options, FIELDS)
        self._session = session
        self._servers: dict[str, Http] = {}

    @override
    async def open(self) -> None:
        """Read all options, and load what is trusted.

        Raises:
            OptionError: an option cannot be used.

        """
        self._options.text("method")
        parse_headers(self._options.text("headers"))
        parse_statuses(self._options.text("expected_status"))
        for name in ("url", "restore_url", "wake_url", "confirm_url"):
            if name == "url" or self._options.text(name):
                await self._server(name).open()

    def _server(self, name: str) -> Http:
        """Return where the URL of an option leads.

        The whole URL counts as a secret: many a webhook has its token in the path.
        """
        if name not in self._servers:
            url = parse_url(name, self._options.text(name))
            self._servers[name] = Http(
                self._session,
                str(url.origin()),
                tls=Tls.from_options(self.spec.options),
                secrets=self._secrets(url),
            )
        return self._servers[name]

    def _secrets(self, url: URL) -> Collection[str]:
        headers = parse_headers(self._options.text("headers"))
        words = [word for value in headers.values() for word in (value, *value.split())]
        parts = (url.raw_path_qs, *url.raw_parts, *url.query.values())
        return [text for text in (*words, *parts) if len(text) >= _SECRET_LENGTH]

    @override
    async def preflight(self) -> Sequence[Finding]:
        """Check that each server is there and proves who it is; only `confirm_url` is asked."""
        try:
            await self.open()
            found: list[Finding] = []
            for name in self._servers:
                found += await self._check(name)
            if "confirm_url" in self._servers:
                await self._confirmation()
        except ShutdownError as err:
            return (finding_of(self.spec, err),)
        return tuple(found)

    async def _check(self, name: str) -> Sequence[Finding]:
        url = parse_url(name, self._options.text(name))
        host, port = str(url.host), int(url.port or 0)
        if url.scheme == "https":
            await check_identity(host, port, Tls.from_options(self.spec.options))
        elif not await _is_open(host, port):
            raise UnreachableError(f"{host}:{port} cannot be reached")
        return address_findings(self.spec, host)

    @override
    async def rehearse(self) -> Sequence[str]:
        method, url = self._options.text("method"), parse_url("url", self._options.text("url"))
        return (f"{method} to {url.authority}",)

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        return await self._ask("url", "stop", context)

    @override
    async def restore(self, steps: Sequence[StopStep]) -> Reply:
        if not self._options.text("restore_url") or REQUEST not in steps:
            return Reply(outcome=Outcome.NOTHING_TO_DO)
        return await self._ask("restore_url", "restore", None)

    @property
    @override
    def can_wake(self) -> bool:
        return bool(self._options.text("wake_url"))

    @override
    async def wake(self) -> Reply:
        if not self.can_wake:
            return Reply(outcome=Outcome.NOTHING_TO_DO)
        return await self._ask("wake_url", "wake", None)

    async def _ask(self, name: str, action: str, context: StopContext | None) -> Reply:
        try:
            accepted = parse_statuses(self._options.text("expected_status"))
            reply = await self._request(name, self._values(action, context))
        except ShutdownError as err:
            return err.reply
        return reply.reply(accepted)

    def _values(self, action: str, context: StopContext | None) -> Mapping[str, str]:
        return {
            "action": action,
            "plan_id": context.plan_id if context else "",
            "reason": context.reason.value if context else "",
            "target": self.spec.name,
            "time_left": str(int(context.time_left_s)) if context else "",
        }

    async def _request(self, name: str, values: Mapping[str, str]) -> HttpReply:
        headers = dict(parse_headers(self._options.text("headers")))
        body = fill_body(self._options.text("body"), values, headers)
        return await self._server(name).request(
            self._options.text("method"),
            parse_url(name, self._options.text(name)).raw_path_qs,
            headers=headers,
            data=body.encode() if body else None,
        )

    @property
    @override
    def has_own_evidence(self) -> bool:
        return bool(self._options.text("confirm_url"))

    @override
    async def observe(self) -> Observation:
        """Return what `confirm_url` says: off if it shows the value that the user named."""
        if not self._options.text("confirm_url"):
            return Observation(state=HostState.UNKNOWN)
        try:
            is_off = await self._confirmation()
        except ShutdownError as err:
            return Observation(state=HostState.UNKNOWN, evidence=str(err))
        if is_off:
            return Observation(
                state=HostState.DOWN, evidence="confirm_url shows it off", is_conclusive=True
            )
        return Observation(state=HostState.UP, evidence="confirm_url shows it on")

    @override
    async def is_ready(self) -> bool | None:
        state = (await self.observe()).state
        return None if state is HostState.UNKNOWN else state is HostState.UP

    async def _confirmation(self) -> bool:
        """Return whether `confirm_url` shows the value that stands for off.

        Raises:
            ShutdownError: it cannot be asked, or answers with an error.

        """
        wanted = self._options.text("confirm_value")
        if not wanted:
            raise OptionError("confirm_value is missing: what confirm_url shows when it is off")
        url = parse_url("confirm_url", self._options.text("confirm_url"))
        headers = parse_headers(self._options.text("headers"))
        reply = await self._server("confirm_url").request("GET", url.raw_path_qs, headers=headers)
        if not reply.is_success:
            raise ShutdownError(f"confirm_url: {reply.detail}")
        path = self._options.text("confirm_path")
        return wanted == shown_at(reply, path) if path else wanted in reply.text


async def _is_open(host: str, port: int) -> bool:
    try:
        return await SystemNetwork().is_open(host, port)
    except OSError as err:
        raise UnreachableError(f"cannot look at {host}:{port}: {err}") from err


def parse_url(name: str, text: str) -> URL:
    """Return a URL with scheme and host.

    Raises:
        OptionError: it is none; the text does not repeat it.

    """
    # What is spelled as it must be is sent as it is: to spell it anew turns `%2F` into `/`.
    is_encoded = text.isascii() and text.isprintable() and " " not in text
    try:
        url = URL(text, encoded=is_encoded)
    except ValueError:
        url = URL()
    if url.scheme in {"http", "https"} and url.host and not (url.user or url.password):
        return url
    raise OptionError(
        f"{name} is none that begins with http:// or https://, names a host and no user"
    )


def parse_headers(text: str) -> Mapping[str, str]:
    """Return the headers of lines `Name: value`; empty lines do not count.

    Raises:
        OptionError: a line is none; the text does not repeat it.

    """
    headers: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if (match := _HEADER.fullmatch(line.strip())) is None:
            raise OptionError(f"headers: line {number} is not of the form `Name: value`")
        headers[match[1]] = match[2]
    return headers


def parse_statuses(text: str) -> frozenset[int]:
    """Return the HTTP statuses of a list such as `200-299, 302`.

    Raises:
        OptionError: a part is neither a status nor a range.

    """
    statuses: set[int] = set()
    for part in text.split(","):
        if (match := _RANGE.fullmatch(part.strip())) is None:
            raise OptionError("expected_status is no list of statuses such as `200-299, 302`")
        statuses.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return frozenset(statuses)


def fill_body(template: str, values: Mapping[str, str], headers: dict[str, str]) -> str:
    """Return the body with its placeholders filled in, in the spelling of its type.

    Other braces stay as they are, for most bodies are JSON. Without a `Content-Type` among
    `headers` the one that fits is added there.
    """
    if not template:
        return ""
    given = next((value for key, value in headers.items() if key.lower() == "content-type"), "")
    if not given:
        looks_like_json = template[0] in "{[" and _PLACEHOLDER.match(template) is None
        given = "application/json" if looks_like_json else "text/plain; charset=utf-8"
        headers["Content-Type"] = given
    spell = next((spell for part, spell in _SPELLINGS if part in given), str)
    return _PLACEHOLDER.sub(lambda match: spell(values[match[1]]), template)


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


# How a value is spelled in a body, by a part of its content type.
_SPELLINGS: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("json", _in_json),
    ("urlencoded", quote_plus),
)


def shown_at(reply: HttpReply, path: str) -> str:
    """Return what a JSON answer holds at a path such as `switch:0.output` or `items.0.state`.

    Truth values are `true` and `false`, nothing is `null`.

    Raises:
        BadAnswerError: it is no JSON.
        ShutdownError: there is no such path.

    """
    node: Any = reply.json()
    for part in path.split("."):
        try:
            node = node[int(part)] if isinstance(node, list) else node[part]
        except KeyError, IndexError, TypeError, ValueError:
            raise ShutdownError(f"confirm_url shows nothing at {path}") from None
    return node if isinstance(node, str) else json.dumps(node)
