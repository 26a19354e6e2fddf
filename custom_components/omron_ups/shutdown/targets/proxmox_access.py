"""The way to a node's API, and what the other nodes of its cluster do for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
import logging
from typing import Any, override

import aiohttp

from ..errors import IdentityChangedError, RequestError
from ..tls import Trust, parse_fingerprint
from .proxmox_api import MissingPrivilegeError, ProxmoxApi
from .proxmox_options import Peer, ProxmoxOptions

_LOGGER = logging.getLogger(__name__)


class ProxmoxAccess(ProxmoxApi):
    """One node, addressed itself: what goes through another one is lost with that one.

    A certificate that has changed is accepted without a person only if another node, whose own
    certificate is still the confirmed one, lists it as this node's: Proxmox VE renews them by
    itself at least every two years.
    """

    def __init__(self, session: aiohttp.ClientSession, options: ProxmoxOptions) -> None:
        """Take the session from outside; nothing is opened."""
        super().__init__(
            session,
            host=options.host,
            port=options.port,
            token_id=options.token_id,
            token_secret=options.token_secret,
            tls=options.tls,
        )
        self._options = options
        self.peers = options.peers
        """The other nodes, with the certificates that they were last proven to have."""
        self.found_peers: tuple[Peer, ...] = ()
        """The other nodes as the cluster tells of them, if none are configured."""
        self.adopted_fingerprint = ""
        """The certificate that a peer vouched for since we were opened; empty: none."""

    @override
    async def call(self, method: str, path: str, /, **params: str | int) -> Any:
        try:
            return await super().call(method, path, **params)
        except IdentityChangedError as err:
            # Nothing was sent, so that sending it again is sending it once.
            if not await self._is_vouched_for(err.fingerprint):
                raise
            self._adopt(err.fingerprint)
        return await super().call(method, path, **params)

    def _adopt(self, fingerprint: str) -> None:
        self.trust(replace(self._options.tls, fingerprint=fingerprint))
        self.adopted_fingerprint = fingerprint
        _LOGGER.warning("%s: a peer vouches for its new certificate", self.label)

    async def _is_vouched_for(self, fingerprint: str) -> bool:
        shown = parse_fingerprint(fingerprint)
        listed = await self._ask_peers(self._listed_fingerprint)
        return bool(listed) and parse_fingerprint(listed or "") == shown

    async def _listed_fingerprint(self, api: ProxmoxApi) -> str:
        mine = (node for node in await api.nodes() if node.name == self._options.node)
        return next((node.fingerprint for node in mine), "")

    async def learn_peers(self) -> None:
        """Take over the peers' present certificates, as the node, still trusted, lists them."""
        if not self.peers:
            self.found_peers = await self._find_peers()
            return
        if self._options.tls.trust is not Trust.FINGERPRINT:
            return
        listed = {node.name: node.fingerprint for node in await self.nodes()}
        self.peers = tuple(
            replace(peer, fingerprint=listed.get(peer.node) or peer.fingerprint)
            for peer in self.peers
        )

    async def _find_peers(self) -> tuple[Peer, ...]:
        """Return the other nodes of the cluster as far as they can be reached and trusted."""
        try:
            members = (await self.cluster()).nodes
        except MissingPrivilegeError:
            return ()
        is_pinned = self._options.tls.trust is Trust.FINGERPRINT
        listed = {node.name: node.fingerprint for node in await self.nodes()} if is_pinned else {}
        found = (
            Peer(
                node=node.name,
                host=node.address,
                port=self._options.port,
                fingerprint=listed.get(node.name, ""),
            )
            for node in members
            if node.address and node.name != self._options.node and not node.is_local
        )
        return tuple(peer for peer in found if peer.fingerprint or not is_pinned)

    async def wake_by_peer(self) -> str | None:
        """Let a peer send the magic packet and return its name; None if nobody could."""

        async def _wake(api: ProxmoxApi) -> str:
            await api.wake(self._options.node)
            return api.label

        return await self._ask_peers(_wake)

    async def is_called_offline(self) -> bool | None:
        """Return what a peer says of the node; None if none can be asked.

        No evidence that it is off: it leaves the cluster before it stops its disks.
        """

        async def _is_offline(api: ProxmoxApi) -> bool:
            return any(
                node.name == self._options.node and not node.is_online for node in await api.nodes()
            )

        return await self._ask_peers(_is_offline)

    async def _ask_peers[ResultT](
        self, request: Callable[[ProxmoxApi], Awaitable[ResultT]]
    ) -> ResultT | None:
        """Return the first answer; all are asked at once, for most may be off by then."""

        async def _ask(peer: Peer) -> ResultT | None:
            api = self._peer_api(peer)
            try:
                return await request(api)
            except RequestError as err:
                _LOGGER.debug("%s: %s", api.label, err)
                return None

        asking = {asyncio.create_task(_ask(peer)) for peer in self.peers}
        try:
            for answered in asyncio.as_completed(asking):
                if (answer := await answered) is not None:
                    return answer
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        return None

    def _peer_api(self, peer: Peer) -> ProxmoxApi:
        options = self._options
        return ProxmoxApi(
            self._session,
            host=peer.host,
            port=peer.port,
            token_id=options.token_id,
            token_secret=options.token_secret,
            # The name in the options is the node's own.
            tls=replace(options.tls, fingerprint=peer.fingerprint, server_name=""),
        )

    @property
    def has_peers(self) -> bool:
        """Whether there is another node to ask."""
        return bool(self.peers)
