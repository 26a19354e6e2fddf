"""The reference homelab: a real Home Assistant stops fake hosts of every kind and restores them."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.homelab.play import play

TIMEOUT_S = 600


@pytest.mark.timeout(TIMEOUT_S)
async def test_an_outage_stops_everything_in_order_and_mains_brings_it_back(tmp_path: Path) -> None:
    """Two homelabs side by side: most of it is waiting."""
    async with asyncio.TaskGroup() as group:
        plays = [
            group.create_task(play(tmp_path / "calm")),
            group.create_task(play(tmp_path / "low", low_battery=True)),
        ]
    for played in (task.result() for task in plays):
        print("\n".join((*played.timeline, *played.figures)))  # noqa: T201 - shown if it fails
        assert not played.broken
