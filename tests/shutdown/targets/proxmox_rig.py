"""What the tests of the Proxmox VE target share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from custom_components.omron_ups.shutdown.models import Reason
from custom_components.omron_ups.shutdown.specs import TargetSpec
from custom_components.omron_ups.shutdown.target import StopContext, StopStep
from custom_components.omron_ups.shutdown.targets.proxmox import ProxmoxTarget
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.proxmox_tokens import TOKEN_ID, TOKEN_SECRET
from tests.shutdown.fakes.server import LOOPBACK

CONTEXT = StopContext(plan_id="plan-1", reason=Reason.REQUEST, time_left_s=120)


def peer(world: FakeProxmox, name: str) -> str:
    """Return the option that describes a node as another one."""
    server = world.servers[name]
    return f"{name} {LOOPBACK}:{server.port} {server.certificate.fingerprint}"


def options(world: FakeProxmox, node: str = "pve1", **more: object) -> dict[str, object]:
    """Return the options of a target; its certificate is confirmed."""
    server = world.servers[node]
    return {
        "host": LOOPBACK,
        "port": server.port,
        "node": node,
        "token_id": TOKEN_ID,
        "token_secret": TOKEN_SECRET,
        "tls_trust": "fingerprint",
        "tls_fingerprint": server.certificate.fingerprint,
        **more,
    }


@asynccontextmanager
async def target_of(
    world: FakeProxmox, node: str = "pve1", time_limit_s: float = 600, **more: Any
) -> AsyncIterator[ProxmoxTarget]:
    """Yield a target, open, with a session of its own."""
    spec = TargetSpec(
        target_id="t1",
        name="Rack",
        kind="proxmox",
        stage=1,
        time_limit_s=time_limit_s,
        options=options(world, node, **more),
    )
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        target = ProxmoxTarget(spec, session)
        await target.open()
        yield target
        await target.close()


def step(target: ProxmoxTarget, key: str) -> StopStep:
    """Return the step of that key."""
    return next(step for step in target.steps if step.key == key)
