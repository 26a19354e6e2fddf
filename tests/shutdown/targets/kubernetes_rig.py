"""What the tests of the Kubernetes target share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from custom_components.omron_ups.shutdown.models import HostState, Reason
from custom_components.omron_ups.shutdown.specs import TargetSpec
from custom_components.omron_ups.shutdown.target import StopContext
from custom_components.omron_ups.shutdown.targets import kubernetes_removal
from custom_components.omron_ups.shutdown.targets.kubernetes import KubernetesTarget
from custom_components.omron_ups.shutdown.targets.kubernetes_api import KubernetesApi
from custom_components.omron_ups.shutdown.tls import Tls, Trust
from tests.shutdown.fakes.kubernetes import TOKEN, FakeKubernetes
from tests.shutdown.fakes.server import LOOPBACK

CONTEXT = StopContext(plan_id="plan-1", reason=Reason.REQUEST, time_left_s=120)
SHORT = StopContext(plan_id="plan-1", reason=Reason.LOW_BATTERY, time_left_s=60, is_short=True)
LATE = StopContext(plan_id="plan-1", reason=Reason.REQUEST, time_left_s=5)
NAS = "192.0.2.30"
ISCSI = {"targetPortal": f"{NAS}:3260", "iqn": "iqn.2004-04.com.example:nas", "lun": 1}


def options(cluster: FakeKubernetes, **more: object) -> dict[str, object]:
    """Return the options of a target that trusts the cluster's own authority."""
    return {
        "host": LOOPBACK,
        "port": cluster.port,
        "token": TOKEN,
        "tls_trust": "authority",
        "tls_authority": cluster.authority.pem,
        **more,
    }


def spec_of(cluster: FakeKubernetes, time_limit_s: float = 300, **more: Any) -> TargetSpec:
    """Return the configuration of a target."""
    return TargetSpec(
        target_id="k1",
        name="Cluster",
        kind="kubernetes",
        stage=1,
        time_limit_s=time_limit_s,
        options=options(cluster, **more),
    )


@asynccontextmanager
async def target_of(cluster: FakeKubernetes, **more: Any) -> AsyncIterator[KubernetesTarget]:
    """Yield a target, open, with a session of its own."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        target = KubernetesTarget(spec_of(cluster, **more), session)
        await target.open()
        try:
            yield target
        finally:
            await target.close()


@asynccontextmanager
async def api_of(cluster: FakeKubernetes, **more: Any) -> AsyncIterator[KubernetesApi]:
    """Yield the way to the API."""
    tls = Tls(trust=Trust.AUTHORITY, authority=cluster.authority.pem)
    address = {"host": LOOPBACK, "port": cluster.port, "token": TOKEN, "tls": tls, **more}
    async with aiohttp.ClientSession() as session:
        yield KubernetesApi(session, **address)


async def until(holds: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
    """Return once something holds; fails after as long as no machine takes."""
    async with asyncio.timeout(20):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def cluster() -> AsyncIterator[FakeKubernetes]:
    """Yield a cluster in which one of two pods has a volume on the NAS."""
    async with FakeKubernetes("cp1", "worker1", "worker2") as fake:
        fake.world.add_volume("data")
        fake.world.add_pod("db-0", claims=("data",), owner="StatefulSet", labels={"app": "db"})
        fake.world.add_pod("web")
        yield fake
        assert fake.invalid == []
        assert fake.world.torn == []


async def is_down(target: KubernetesTarget) -> bool:
    """Return whether the target is down by its own evidence."""
    seen = await target.observe()
    return seen.state is HostState.DOWN and seen.is_conclusive


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rounds follow each other at the pace of the imitation."""
    monkeypatch.setattr(kubernetes_removal, "RETRY_S", 0.05)
