"""A headless Chromium, driven through Debian's chromedriver by the W3C's WebDriver protocol."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
import json
import os
from pathlib import Path
import shutil
import socket
from typing import Any, Final

from aiohttp import ClientError, ClientSession

PROGRAMS: Final = ("chromium", "chromedriver")
_START_S: Final = 30.0
_PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.2
_STOP_S: Final = 10.0
_SIZE: Final = (1200, 900)

# The frontend nests shadow roots, into which no selector of WebDriver looks.
_FIND: Final = """
const [path, text] = arguments;
function* all(root) {
  if (root.shadowRoot) yield* all(root.shadowRoot);
  for (const element of root.querySelectorAll("*")) {
    yield element;
    if (element.shadowRoot) yield* all(element.shadowRoot);
  }
}
const isShown = (element) => element.getClientRects().length > 0;
const says = (element) => (element.innerText ?? "").trim();
function find(root, [selector, ...inner]) {
  for (const element of all(root)) {
    if (!element.matches(selector) || !isShown(element)) continue;
    if (!inner.length && says(element).includes(text)) return element;
    const found = inner.length ? find(element, inner) : null;
    if (found) return found;
  }
  return null;
}
return find(document, path.split(" >> "));
"""


class BrowserError(Exception):
    """The browser did not start, or shows something else than expected."""


def missing_programs() -> list[str]:
    """Return what is not installed of what a browser needs."""
    return [name for name in PROGRAMS if not shutil.which(name)]


class Browser:
    """One window."""

    def __init__(self, session: ClientSession, window: str) -> None:
        """Drive the window that a session of WebDriver has opened."""
        self._session = session
        self._window = window

    async def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded."""
        await self._do("url", {"url": url})

    async def run(self, script: str, *arguments: object) -> Any:
        """Run the body of a JavaScript function and return what it returns."""
        return await self._do("execute/sync", {"script": script, "args": list(arguments)})

    async def sees(self, selector: str, text: str = "") -> bool:
        """Return whether an element is visible now; see `find`."""
        return await self.run(_FIND, selector, text) is not None

    async def choose(self, picker: str, option: str) -> None:
        """Choose what a picker of the frontend offers.

        A click on a list that is still opening is lost, so it is repeated until the picker shows
        what was chosen.

        Args:
            picker: its selector; see `find`.
            option: the text of the option, which the picker shows then.

        Raises:
            BrowserError: That did not help for a minute.

        """
        field, item = f"{picker} >> ha-picker-field", f"{picker} >> ha-combo-box-item"
        async with _patience(f"{option} cannot be chosen"):
            while not await self.sees(f"{field} >> *", option):
                await self.click(*((item, option) if await self.sees(item, option) else (field,)))
                await asyncio.sleep(1)

    async def find(self, selector: str, text: str = "") -> Any:
        """Wait for a visible element and return it.

        Args:
            selector: of CSS, or several with " >> " between them, each within the one before;
                elements in shadow roots are looked at too.
            text: what the element must say, among other things.

        Raises:
            BrowserError: It did not appear in a minute.

        """
        async with _patience(f"no {selector} {text}".rstrip()):
            while (element := await self.run(_FIND, selector, text)) is None:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)
        return element

    async def click(self, selector: str, text: str = "") -> None:
        """Wait for an element and click it; see `find`."""
        await self.run("arguments[0].click()", await self.find(selector, text))

    async def resize(self) -> None:
        """Let pages have the size of all pictures, whatever else the window shows."""
        width, height = _SIZE
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": size}
        await self._do("goog/cdp/execute", command)

    async def take_picture(self, path: Path) -> None:
        """Write what is visible as a PNG."""
        await self.run("document.activeElement?.blur()")
        # What moves comes to rest.
        await asyncio.sleep(1)
        picture = await self._do("screenshot")
        await asyncio.to_thread(path.write_bytes, b64decode(picture))

    async def _do(self, what: str, body: Mapping[str, object] | None = None) -> Any:
        method = "GET" if body is None else "POST"
        return await _ask(self._session, method, f"/session/{self._window}/{what}", body)


@asynccontextmanager
async def running_browser(folder: Path) -> AsyncIterator[Browser]:
    """Run a browser with an empty profile, and yield its window.

    Args:
        folder: of the profile; must exist.

    Raises:
        BrowserError: It did not start.

    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        "chromedriver",
        f"--port={port}",
        env={**os.environ, "HOME": str(folder)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with ClientSession(f"http://127.0.0.1:{port}") as session:
            window = await _open_window(session, folder)
            browser = Browser(session, window)
            try:
                await browser.resize()
                yield browser
            finally:
                await _ask(session, "DELETE", f"/session/{window}")
    finally:
        process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _open_window(session: ClientSession, folder: Path) -> str:
    arguments = [
        "--headless=new",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-dev-shm-usage",
        "--force-prefers-reduced-motion",
        "--lang=en",
        f"--user-data-dir={folder}/profile",
    ]
    if os.geteuid() == 0:
        # Chromium's sandbox does not work for root; the only pages are those of our own server.
        arguments.append("--no-sandbox")
    wanted = {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}
    async with _patience("chromedriver does not answer", _START_S):
        while True:
            with suppress(ClientError):
                answer = await _ask(session, "POST", "/session", {"capabilities": wanted})
                return str(answer["sessionId"])
            await asyncio.sleep(_POLL_S)


async def _ask(
    session: ClientSession, method: str, path: str, body: Mapping[str, object] | None = None
) -> Any:
    async with session.request(method, path, json=body) as response:
        value = (await response.json())["value"]
    if not response.ok:
        raise BrowserError(f"{path.rpartition('/')[2]}: {value['error']}: {value['message']}")
    return value


@asynccontextmanager
async def _patience(complaint: str, seconds: float = _PATIENCE_S) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as err:
        raise BrowserError(complaint) from err


def stored_login(address: str, token: str) -> str:
    """Return the script that logs the frontend in with a token, once it has been loaded."""
    login = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 1800,
        "expires": 10**15,
        "hassUrl": address,
        "clientId": f"{address}/",
        "refresh_token": "",
    }
    return f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(login))})"
