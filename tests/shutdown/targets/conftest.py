"""Lets the tests of kinds that have a fake run in virtual time."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.shutdown.fakes.patient_time import PatientLoop

KINDS = ("test_kubernetes", "test_proxmox", "test_qnap", "test_synology")
REAL = {"test_kubernetes_kubectl"}
"""Programs that take their time."""


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the one loop for a test."""
    module = item.path.stem
    if module.startswith(KINDS) and module not in REAL:
        return {"patient": PatientLoop}
    return {"real": asyncio.new_event_loop}
