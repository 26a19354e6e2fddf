"""Write a configuration folder for Home Assistant: this checkout, loopback only, no network."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import sys
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

CHECKOUT = Path(__file__).parents[2]
DEFAULT_PORT = 8123

# default_config is left out: it brings the cloud, Bluetooth and other things that reach for the
# network or need packages of their own. What is here starts from requirements/dev.txt.
_CONFIGURATION = """\
homeassistant:
  name: {name}
  unit_system: metric
  time_zone: {time_zone}
  country: {country}
  language: {language}

frontend:
config:
system_health:
my:
energy:
history:
logbook:
automation: !include automations.yaml
script: !include scripts.yaml
scene: !include scenes.yaml

logger:
  default: {log_level}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locale:
    """How Home Assistant speaks and where it stands."""

    language: str = "en"
    """``en`` or ``ja``, the languages the integration is translated to."""
    country: str = "JP"
    """ISO 3166 code; without one Home Assistant raises a repair issue. OMRON sells in Japan."""
    time_zone: str = "UTC"


def locale_from(environment: Mapping[str, str], localtime: Path = Path("/etc/localtime")) -> Locale:
    """Return the locale of the person who runs us.

    Args:
        environment: LC_ALL, LC_MESSAGES, LANG and TZ are read, in the order that POSIX gives them.
        localtime: The link to the machine's time zone, read without a TZ.
    """
    wanted = next(
        (environment[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(key)), ""
    )
    country = re.match(r"[a-z]+_([A-Z]{2})\b", wanted)
    return Locale(
        language="ja" if wanted.startswith("ja") else "en",
        country=country[1] if country else Locale().country,
        time_zone=_time_zone(environment.get("TZ"), localtime),
    )


def write_config_folder(
    folder: Path,
    *,
    port: int = DEFAULT_PORT,
    locale: Locale,
    name: str = "OMRON UPS",
    log_level: str = "warning",
) -> None:
    """Write what is missing in the folder; what is there already stays as it is.

    Args:
        folder: Is made if it does not exist.
        port: Where Home Assistant listens, on 127.0.0.1 alone.
        locale: Language, country and time zone of a new installation.
        name: The name of the home.
        log_level: The level of Home Assistant's log.
    """
    (folder / ".storage").mkdir(parents=True, exist_ok=True)
    _write_new(
        folder / "configuration.yaml",
        _CONFIGURATION.format(
            name=name,
            time_zone=locale.time_zone,
            country=locale.country,
            language=locale.language,
            log_level=log_level,
        ),
    )
    _write_new(folder / "automations.yaml", "[]\n")
    _write_new(folder / "scripts.yaml", "{}\n")
    _write_new(folder / "scenes.yaml", "[]\n")
    # An http block in the YAML would be a trial that Home Assistant takes back after five minutes.
    _write_storage(folder, "http", 1, {"server_host": ["127.0.0.1"], "server_port": port})
    # This step of the onboarding would set up integrations that fetch weather and radio stations.
    _write_storage(folder, "onboarding", 4, {"done": ["core_config"]})
    link = folder / "custom_components/omron_ups"
    link.parent.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(CHECKOUT / "custom_components/omron_ups")


def main() -> None:
    """Write the folder that is named on the command line, for ``scripts/develop``."""
    write_config_folder(Path(sys.argv[1]), locale=locale_from(os.environ), log_level="info")


def _time_zone(name: str | None, localtime: Path) -> str:
    target = str(localtime.resolve())
    candidates = (name, target.partition("zoneinfo/")[2])
    return next((zone for zone in candidates if zone and _is_time_zone(zone)), Locale().time_zone)


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except ZoneInfoNotFoundError, ValueError:
        return False
    return True


def _write_storage(folder: Path, key: str, version: int, data: Mapping[str, object]) -> None:
    document = {"version": version, "minor_version": 1, "key": key, "data": data}
    _write_new(folder / ".storage" / key, json.dumps(document))


def _write_new(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
