"""Show what a NUT client on this machine sees."""

import asyncio
import shlex
import shutil

_TIMEOUT_S = 10


class NutError(Exception):
    """The server did not answer, or answered with an error; the text is its own."""


async def upsc(ups: str, port: int) -> str:
    """Return what ``upsc <ups>@127.0.0.1:<port>`` prints, from upsc itself where it is installed.

    Raises:
        NutError: No list of variables came back.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            if shutil.which("upsc"):
                return await _real_upsc(ups, port)
            return await _own_upsc(ups, port)
    except (OSError, TimeoutError) as err:
        raise NutError(str(err) or "no answer in time") from err


async def _real_upsc(ups: str, port: int) -> str:
    process = await asyncio.create_subprocess_exec(
        "upsc",
        f"{ups}@127.0.0.1:{port}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, error = await process.communicate()
    if process.returncode:
        raise NutError(error.decode().strip())
    return output.decode()


async def _own_upsc(ups: str, port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"LIST VAR {ups}\n".encode())
        lines = [await _line(reader)]
        while not lines[-1].startswith("END"):
            lines.append(await _line(reader))
    finally:
        writer.close()
        await writer.wait_closed()
    return "".join(f"{words[2]}: {words[3]}\n" for words in map(shlex.split, lines[1:-1]))


async def _line(reader: asyncio.StreamReader) -> str:
    line = (await reader.readline()).decode().rstrip("\n")
    if not line or line.startswith("ERR"):
        raise NutError(line or "connection closed")
    return line
