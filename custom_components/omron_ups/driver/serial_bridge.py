"""What serialx lacks for real RFC 2217 bridges; import it only where one is used."""

from typing import override

from serialx.platforms.serial_rfc2217 import RFC2217SerialTransport
from serialx.platforms.serial_rfc2217.types import (
    Rfc2217Command,
    SetLinestateMaskCmd,
    SetModemstateMaskCmd,
)

_SELDOM_CONFIRMED = (SetLinestateMaskCmd, SetModemstateMaskCmd)


class BridgeTransport(RFC2217SerialTransport):
    """Connects also to bridges that do not confirm which changes of lines they will report.

    Neither ser2net 4.3 nor pyserial's server does (seen), and serialx 1.11 waits for it until the
    connection fails. Should serialx name its methods otherwise one day, only this is lost.
    """

    @override
    async def _send_and_wait(self, cmd: Rfc2217Command) -> Rfc2217Command:
        if isinstance(cmd, _SELDOM_CONFIRMED):
            self._send_command(cmd)
            return cmd
        return await super()._send_and_wait(cmd)
