"""The reference homelab: a real Home Assistant stops fake hosts of every kind and restores them."""

from pathlib import Path

import pytest

from tests.e2e.homelab.play import play

TIMEOUT_S = 400


@pytest.mark.timeout(TIMEOUT_S)
async def test_an_outage_stops_everything_in_order_and_mains_brings_it_back(tmp_path: Path) -> None:
    played = await play(tmp_path)
    print("\n".join((*played.timeline, *played.figures)))  # noqa: T201 - shown if it fails
    assert not played.broken
