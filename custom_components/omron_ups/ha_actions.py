"""Home Assistant's actions as a target of the shutdown plan uses them."""

from collections.abc import Collection, Mapping, Sequence

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceNotFound, ServiceValidationError
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
import probatio

from .shutdown.errors import NoAnswerError, RefusedError, UnreachableError

# Domains whose entities have no state before they were first used.
_STATELESS = frozenset({"button", "event", "scene"})


class HassActions:
    """The port of the kind `ha_action`."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Act in this Home Assistant."""
        self._hass = hass

    def has_action(self, action: str) -> bool:
        """Return whether `domain.name` is registered."""
        domain, _, name = action.partition(".")
        return self._hass.services.has_service(domain, name)

    def resolve(self, target: Mapping[str, Collection[str]]) -> Sequence[str]:
        """Return the entity ids that a target stands for, whether they exist or not."""
        selection = TargetSelection({key: list(ids) for key, ids in target.items()})
        found = async_extract_referenced_entity_ids(self._hass, selection)
        return sorted(found.referenced | found.indirectly_referenced)

    def state(self, entity_id: str) -> str | None:
        """Return an entity's state; None if it does not exist, is unavailable or unknown."""
        state = self._hass.states.get(entity_id)
        if state is None or state.state == STATE_UNAVAILABLE:
            return None
        if state.state == STATE_UNKNOWN:
            return "" if state.domain in _STATELESS else None
        return state.state

    async def call(
        self, action: str, data: Mapping[str, object], entity_ids: Sequence[str]
    ) -> None:
        """Call the action and return when it has ended.

        Raises:
            UnreachableError: there is no such action, at this moment at least.
            RefusedError: Home Assistant does not accept the call.
            NoAnswerError: the integration raised an error; nobody knows how far it came.

        """
        domain, _, name = action.partition(".")
        target = {"entity_id": list(entity_ids)} if entity_ids else None
        try:
            await self._hass.services.async_call(
                domain, name, dict(data), blocking=True, target=target
            )
        except ServiceNotFound as err:
            raise UnreachableError(f"{action} is not there: {err}") from err
        except (ServiceValidationError, probatio.Invalid) as err:
            raise RefusedError(f"{action} was not accepted: {err}") from err
        except HomeAssistantError as err:
            raise NoAnswerError(f"{action} failed: {err}") from err
