"""What the demo asks of Home Assistant's HTTP and WebSocket API."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from aiohttp import ClientResponse, ClientSession, ClientWebSocketResponse

type Json = dict[str, Any]


class ApiError(Exception):
    """Home Assistant refused a request, or answered something else than expected."""


class HassApi:
    """An authorised client of one Home Assistant."""

    def __init__(self, session: ClientSession) -> None:
        """Use a session that knows the address and carries the token."""
        self._session = session

    @property
    def token(self) -> str:
        """The access token."""
        return self._session.headers["Authorization"].removeprefix("Bearer ")

    async def get(self, path: str) -> Any:
        """Return the JSON that ``GET /api/<path>`` answers."""
        async with self._session.get(f"/api/{path}") as response:
            return await _json(response)

    async def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Return the JSON that ``POST /api/<path>`` answers."""
        async with self._session.post(f"/api/{path}", json=body) as response:
            return await _json(response)

    async def call(self, action: str, entity_id: str) -> None:
        """Perform an action such as ``switch.turn_off`` on one entity."""
        await self.post(f"services/{action.replace('.', '/')}", {"entity_id": entity_id})

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[ClientWebSocketResponse]:
        """Yield an authorised WebSocket connection; its first command has the id 1."""
        async with self._session.ws_connect("/api/websocket") as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self.token})
            await socket.receive_json()
            yield socket

    async def command(self, kind: str, **fields: object) -> Any:
        """Return the result of one WebSocket command, such as ``config/entity_registry/list``."""
        async with self.socket() as socket:
            await socket.send_json({"id": 1, "type": kind, **fields})
            answer = await socket.receive_json()
        if not answer.get("success"):
            raise ApiError(f"{kind}: {answer.get('error', answer)}")
        return answer.get("result")

    async def create_entry(self, domain: str, answers: Mapping[str, Mapping[str, object]]) -> str:
        """Walk through a config flow as a user would and return the new entry's id.

        Args:
            domain: The integration.
            answers: What to enter in each step; other fields get the default that the form shows.

        Raises:
            ApiError: A step was refused, or is none of those answered.
        """
        path = "config/config_entries/flow"
        step = await self.post(path, {"handler": domain})
        while step["type"] in {"menu", "form"}:
            name = step["step_id"]
            if step.get("errors") or name not in answers:
                raise ApiError(f"step {name} of {domain}: {step.get('errors') or 'unexpected'}")
            body = {**form_defaults(step.get("data_schema") or ()), **answers[name]}
            step = await self.post(f"{path}/{step['flow_id']}", body)
        if step["type"] != "create_entry":
            raise ApiError(f"config flow of {domain}: {step.get('reason', step['type'])}")
        return str(step["result"]["entry_id"])

    async def entities(self, entry_id: str) -> dict[str, str]:
        """Return the entry's enabled entities: ``<platform>.<key>`` to entity id."""
        registry = await self.command("config/entity_registry/list")
        return {
            f"{row['entity_id'].partition('.')[0]}.{key}": row["entity_id"]
            for row in registry
            if row["config_entry_id"] == entry_id and row["disabled_by"] is None
            if (key := str(row["unique_id"]).removeprefix(f"{entry_id}_"))
        }


def form_defaults(schema: Sequence[Json]) -> Json:
    """Return what a form sends when nobody changes it: its defaults, section by section."""
    answer: Json = {}
    for field in schema:
        if field.get("type") == "expandable":
            answer[field["name"]] = form_defaults(field["schema"])
        elif (suggested := (field.get("description") or {}).get("suggested_value")) is not None:
            answer[field["name"]] = suggested
        elif "default" in field:
            answer[field["name"]] = field["default"]
    return answer


@asynccontextmanager
async def onboarded(
    address: str, *, username: str, password: str, language: str
) -> AsyncIterator[HassApi]:
    """Create the first user of a new Home Assistant, end its onboarding, yield its client."""
    client = {"client_id": f"{address}/"}
    async with ClientSession(address) as session:
        user = {"name": username, "username": username, "password": password, "language": language}
        async with session.post("/api/onboarding/users", json={**user, **client}) as response:
            code = (await _json(response))["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, **client}
        async with session.post("/auth/token", data=form) as response:
            token = (await _json(response))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession(address, headers=headers) as session:
        api = HassApi(session)
        await api.post("onboarding/analytics", {})
        await api.post("onboarding/integration", {**client, "redirect_uri": f"{address}/"})
        yield api


async def _json(response: ClientResponse) -> Any:
    if response.status >= HTTPStatus.BAD_REQUEST:
        raise ApiError(f"{response.url.path}: {response.status} {await response.text()}")
    return await response.json()
