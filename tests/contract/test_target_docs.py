"""The pages about kinds of makers say of each request how it is known."""

import re

import pytest

from custom_components.omron_ups.shutdown.kinds import KINDS
from custom_components.omron_ups.shutdown.targets.provenance import KnownRequest, Provenance

from .source import CHECKOUT

WORDS = {
    Provenance.RECORDED: "recorded",
    Provenance.DOCUMENTED: "documented",
    Provenance.THIRD_PARTY: "third-party code",
}
MAKERS = [name for name, kind in KINDS.items() if kind.requests]


def row_of(request: KnownRequest) -> tuple[str, str, str]:
    effect = " (changes something)" if request.changes else ""
    name = f"`{request.method} {request.path}`{effect}"
    return name, WORDS[request.provenance], request.source


@pytest.mark.parametrize("kind", MAKERS)
def test_each_request_has_its_provenance(kind: str) -> None:
    page = (CHECKOUT / f"docs/targets-{kind}.md").read_text(encoding="utf-8")
    section = page.partition("\n## How each request is known\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    assert rows == [row_of(request) for request in KINDS[kind].requests]


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_page_tells_the_least_that_is_needed(kind: str, language: str) -> None:
    recipes = {
        "proxmox": "pveum role add UpsShutdown",
        "kubernetes": "kubectl -n omron-ups get secret omron-ups",
        "qnap": "administrators",
        "synology": "administrators",
    }
    name = {"en": f"targets-{kind}.md", "ja": "targets.ja.md"}[language]
    page = (CHECKOUT / "docs" / name).read_text(encoding="utf-8")
    section = (
        page if language == "en" else page.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
    )
    assert recipes[kind] in section
