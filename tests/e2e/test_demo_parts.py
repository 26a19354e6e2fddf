"""The parts of the demo that can be looked at without a Home Assistant."""

import json
from pathlib import Path
import socket
from typing import Any

import pytest

from scripts.lib.config_folder import CHECKOUT, Locale, locale_from, write_config_folder
from scripts.lib.dashboard import dashboard
from scripts.lib.demo import free_port
from scripts.lib.hass_api import form_defaults
from scripts.lib.json_format import problems_of
from scripts.lib.nut_client import NutError, upsc
from tests.ports import unused_port

NO_LOCALTIME = Path("/nonexistent")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Locale(language="en", country="JP", time_zone="UTC")),
        ({"LANG": "C.UTF-8"}, Locale(language="en", country="JP", time_zone="UTC")),
        ({"LANG": "en_GB.UTF-8"}, Locale(language="en", country="GB", time_zone="UTC")),
        (
            {"LANG": "ja_JP.UTF-8", "TZ": "Asia/Tokyo"},
            Locale(language="ja", country="JP", time_zone="Asia/Tokyo"),
        ),
        (
            {"LANG": "de_DE.UTF-8", "LC_ALL": "ja_JP", "TZ": "JST-9"},
            Locale(language="ja", country="JP", time_zone="UTC"),
        ),
    ],
)
def test_locale_follows_the_environment(environment: dict[str, str], expected: Locale) -> None:
    assert locale_from(environment, NO_LOCALTIME) == expected


def test_time_zone_is_the_machines_without_tz(tmp_path: Path) -> None:
    zone = tmp_path / "zoneinfo/Asia/Tokyo"
    zone.parent.mkdir(parents=True)
    zone.touch()
    (tmp_path / "localtime").symlink_to(zone)
    assert locale_from({}, tmp_path / "localtime").time_zone == "Asia/Tokyo"


def test_config_folder_listens_on_loopback_and_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "automations.yaml").write_text("mine")
    for _ in range(2):
        write_config_folder(tmp_path, port=18123, locale=Locale(language="ja"))
    http = json.loads((tmp_path / ".storage/http").read_text())
    assert http["data"] == {"server_host": ["127.0.0.1"], "server_port": 18123}
    assert (tmp_path / "automations.yaml").read_text() == "mine"
    assert "language: ja" in (tmp_path / "configuration.yaml").read_text()
    link = tmp_path / "custom_components/omron_ups"
    assert link.resolve() == CHECKOUT / "custom_components/omron_ups"


def test_form_defaults_are_what_an_untouched_form_sends() -> None:
    schema: list[dict[str, Any]] = [
        {"name": "port", "required": True, "default": 3493},
        {"name": "aliases", "optional": True},
        {"name": "host", "description": {"suggested_value": "0.0.0.0"}},
        {"name": "ups_name", "default": "ups", "description": {"suggested_value": "mine"}},
        {
            "name": "tls",
            "type": "expandable",
            "schema": [{"name": "require_tls", "default": False}],
        },
    ]
    assert form_defaults(schema) == {
        "port": 3493,
        "host": "0.0.0.0",
        "ups_name": "mine",
        "tls": {"require_tls": False},
    }


@pytest.mark.parametrize("language", ["en", "ja"])
def test_dashboard_leaves_out_what_the_unit_has_not(language: str) -> None:
    text = str(dashboard({"sensor.load": "sensor.x_load"}, language))
    assert "sensor.x_load" in text
    assert "sensor.battery_charge" not in text
    assert "sim_mains" not in text


def test_free_port_passes_over_ports_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = free_port(port)
        assert found > port
        assert free_port(found, besides=found) > found


async def test_upsc_reports_that_nobody_answers() -> None:
    with pytest.raises(NutError):
        await upsc("ups", unused_port())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{\n  "a": "ä{",\n  "b": { "c": 1 }\n}\n', None),
        ('{\n  "a": "\\u00e4"\n}\n', ":2: letter"),
        ('{\n  "a": 1,\n    "b": 2\n}\n', ":3: wrong indentation"),
        ('{\n  "a": 1 \n}\n', ":2: wrong indentation"),
        ('{\n  "a": 1,\n  "a": 2\n}\n', "more than once: a"),
        ('{\n  "a": 1\n}', "line feed"),
        ("{", "Expecting"),
    ],
)
def test_json_check_names_what_is_wrong(tmp_path: Path, text: str, problem: str | None) -> None:
    path = tmp_path / "en.json"
    path.write_text(text, encoding="utf-8")
    problems = list(problems_of(path))
    if problem is None:
        assert not problems
    else:
        assert len(problems) == 1
        assert problem in problems[0]
