"""The secrets of the homelab, and the places in which none of them may stand."""

import asyncio
import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, quote_plus

from scripts.lib.discord_server import TOKEN as DISCORD_TOKEN
from tests.e2e.waiting import PATIENCE_S
from tests.shutdown.fakes import kubernetes, proxmox_tokens, qnap, synology

from .lab import DOMAIN, NUT_LOGIN, Lab
from .setup import MISTAKE, SECURE_ON
from .small_hosts import HEADER_TOKEN, URL_TOKEN

STORES: Final = frozenset({"core.config_entries"})
"""Where Home Assistant keeps what its users enter, unencrypted like all of its credentials."""
LOG: Final = "what Home Assistant printed"
ANSWERS: Final = "answers and events of Home Assistant"
# Home Assistant writes a store under such a name, and then moves it to its place.
_HALF_WRITTEN: Final = ".storage/tmp"
_AGAIN_S: Final = 0.1
_BEFORE: Final = 80
_AFTER: Final = 40


def secrets(lab: Lab) -> Mapping[str, str]:
    """Return every secret that was planted, by what it is."""
    return {
        "API token of Proxmox VE": proxmox_tokens.TOKEN_SECRET,
        "token of Kubernetes": kubernetes.TOKEN,
        "password of the QNAP": qnap.PASSWORD,
        "password of the Synology": synology.PASSWORD,
        "device token of the Synology": min(lab.machines.synology.device_tokens),
        "token in a webhook's path": URL_TOKEN,
        "token in a webhook's header": HEADER_TOKEN,
        "password of a NUT client": NUT_LOGIN[1],
        "password of a network card": SECURE_ON,
        "token of the Discord webhook": DISCORD_TOKEN,
        "mistyped secret": MISTAKE,
        "private key of SSH": _private_key(lab),
    }


def _private_key(lab: Lab) -> str:
    """Return the longest line of the key that was made for the SSH host."""
    store = json.loads((lab.folder / ".storage/core.config_entries").read_text())
    (entry,) = [row for row in store["data"]["entries"] if row["domain"] == DOMAIN]
    (key,) = [
        row["data"]["options"]["private_key"]
        for row in entry["subentries"]
        if row["subentry_type"] == "ssh"
    ]
    return str(max(key.splitlines(), key=len))


def spellings(secret: str) -> frozenset[str]:
    """Return how a secret may be written: as it is, in JSON, in a URL, in base64."""
    return frozenset(
        {
            secret,
            json.dumps(secret)[1:-1],
            quote(secret, safe=""),
            quote_plus(secret),
            base64.b64encode(secret.encode()).decode(),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What was found, and where it was looked for."""

    texts: Mapping[str, str]
    """All that was searched, by its place."""
    secrets: int
    found: tuple[str, ...]

    @classmethod
    async def through(cls, lab: Lab) -> Self:
        """Look for every secret in every place."""
        texts = {**await _files(lab), **_requests(lab), **await _diagnostics(lab)}
        texts[ANSWERS] = "\n".join(lab.said)
        texts["messages to Discord"] = json.dumps([row.body for row in lab.discord.messages])
        planted = secrets(lab)
        return cls(texts=texts, secrets=len(planted), found=tuple(occurrences(planted, texts)))

    @property
    def places(self) -> int:
        """In how many files, URLs and messages was looked."""
        return len(self.texts)

    def missed(self, control: str) -> Iterator[str]:
        """Yield the places in which a word was not found that stands in them and is no secret."""
        for place in (LOG, ANSWERS):
            if control not in self.texts[place]:
                yield f"{place}: the search misses what stands there"


def occurrences(planted: Mapping[str, str], texts: Mapping[str, str]) -> Iterator[str]:
    """Yield each secret that stands in a text, and around what."""
    for name, secret in planted.items():
        for word in sorted(spellings(secret)):
            for place, text in texts.items():
                if word in text:
                    yield f"{name} in {place}: {_around(text, word)}"


def _around(text: str, word: str) -> str:
    at = text.index(word)
    return repr(text[max(0, at - _BEFORE) : at + _AFTER])


async def _files(lab: Lab) -> Mapping[str, str]:
    """Return all that is on disk, at a moment in which Home Assistant replaces no store."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(FileNotFoundError):
                texts = _texts(lab)
                if not any(name.startswith(_HALF_WRITTEN) for name in texts):
                    return texts
            await asyncio.sleep(_AGAIN_S)


def _texts(lab: Lab) -> Mapping[str, str]:
    """Return the log, the journal, the database and all else that is on disk."""
    paths = [path for path in lab.folder.rglob("*") if _is_searched(path)]
    texts = {str(path.relative_to(lab.folder)): path for path in paths} | {LOG: lab.log}
    return {name: path.read_text(errors="replace") for name, path in texts.items()}


def _is_searched(path: Path) -> bool:
    return path.is_file() and path.name not in STORES and "custom_components" not in path.parts


def _requests(lab: Lab) -> Mapping[str, str]:
    """Return the URLs that the hosts were asked for; a webhook's own is its user's choice."""
    return {
        f"a URL of {name}": "\n".join(f"{asked.path}?{asked.query}" for asked in server.asked)
        for name, server in lab.machines.servers.items()
        if name != "plug"
    }


async def _diagnostics(lab: Lab) -> Mapping[str, str]:
    """Return the file that a user attaches to a report."""
    answer = await lab.api.get(f"diagnostics/config_entry/{lab.entry_id}")
    return {"diagnostics": json.dumps(answer, ensure_ascii=False)}
