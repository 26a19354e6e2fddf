"""The demo's first dashboard: Home Assistant's own cards over the entities of one UPS."""

from collections.abc import Mapping, Sequence
from typing import Any

type Card = dict[str, Any]

_TITLES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "view": "UPS",
        "now": "Now",
        "rehearsal": "Simulated UPS",
        "pull": "Switch the mains off here to rehearse a power cut.",
        "measured": "Measured",
        "course": "The last 15 minutes",
        "events": "What happened",
    },
    "ja": {
        "view": "UPS",
        "now": "現在の状態",
        "rehearsal": "模擬UPS",
        "pull": "ここで商用電源をオフにすると、停電を試すことができます。",
        "measured": "計測値",
        "course": "直近15分",
        "events": "できごと",
    },
}

# One UPS is on the dashboard: its name before that of each entity would only cut the latter off.
_NAME = {"type": "entity"}

# <platform>.<key> of the integration. A unit that cannot answer for one has no such entity.
_STATUS = (
    "sensor.status",
    "binary_sensor.mains",
    "sensor.battery_charge",
    "sensor.battery_runtime",
)
_GAUGES = ("sensor.load", "sensor.battery_charge")
_MEASURED = (
    "sensor.input_voltage",
    "sensor.output_voltage",
    "sensor.input_frequency",
    "sensor.battery_voltage",
    "sensor.temperature",
    "sensor.power",
    "sensor.energy",
)
_COURSE = ("sensor.input_voltage", "sensor.output_voltage", "sensor.battery_charge", "sensor.load")
_EVENTS = ("event.power", "binary_sensor.mains", "sensor.status")


def dashboard(entities: Mapping[str, str], language: str) -> Card:
    """Return a Lovelace configuration with one view.

    Args:
        entities: ``<platform>.<key>`` to entity id; what is not in it is left out.
        language: ``en`` or ``ja``.
    """
    titles = _TITLES[language]
    sections = [
        [
            _heading(titles["now"], "mdi:power-plug-battery"),
            *(_tile(entity) for entity in _present(entities, _STATUS)),
            *(_gauge(entity) for entity in _present(entities, _GAUGES)),
        ],
        [
            _heading(titles["rehearsal"], "mdi:flask-outline"),
            {"type": "markdown", "content": titles["pull"]},
            *_controls(entities),
        ],
        [
            _heading(titles["measured"], "mdi:sine-wave"),
            {"type": "entities", "entities": _present(entities, _MEASURED)},
        ],
        [
            _heading(titles["course"], "mdi:chart-line"),
            {
                "type": "history-graph",
                "entities": _present(entities, _COURSE),
                "hours_to_show": 0.25,
            },
        ],
        [
            _heading(titles["events"], "mdi:history"),
            {
                "type": "logbook",
                "target": {"entity_id": _present(entities, _EVENTS)},
                "hours_to_show": 1,
            },
        ],
    ]
    view = {
        "title": titles["view"],
        "path": "ups",
        "type": "sections",
        "sections": [{"type": "grid", "cards": cards} for cards in sections],
    }
    return {"title": titles["view"], "views": [view]}


def _present(entities: Mapping[str, str], keys: Sequence[str]) -> list[str]:
    return [entities[key] for key in keys if key in entities]


def _controls(entities: Mapping[str, str]) -> list[Card]:
    rows = (
        ("switch.sim_mains", {"type": "toggle"}),
        ("number.sim_load", {"type": "numeric-input", "style": "slider"}),
        ("number.sim_charge", {"type": "numeric-input", "style": "slider"}),
    )
    return [
        {**_tile(entities[key]), "features": [feature], "grid_options": {"columns": "full"}}
        for key, feature in rows
        if key in entities
    ]


def _heading(text: str, icon: str) -> Card:
    return {"type": "heading", "heading": text, "icon": icon}


def _tile(entity_id: str) -> Card:
    return {"type": "tile", "entity": entity_id, "name": _NAME}


def _gauge(entity_id: str) -> Card:
    return {
        "type": "gauge",
        "entity": entity_id,
        "name": _NAME,
        "min": 0,
        "max": 100,
        "grid_options": {"columns": 6},
    }
