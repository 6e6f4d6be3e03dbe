"""A headless Chromium that is told what to do over a pipe; for what only a browser can tell of a page."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

EXECUTABLE = shutil.which("chromium") or shutil.which("google-chrome")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Browser:
    """One tab.

    Attributes:
        events: what it has said of itself, in order: requests, console messages, errors.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._commands, self._answers = commands, answers
        self._number, self._pending = 0, b""
        self._session: str | None = None
        tab = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=tab, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """A method of the DevTools protocol, answered."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(
        self, page: Path, width: int = 1400, height: int = 1000, *, dark: bool = False
    ) -> None:
        """The page, loaded, on a screen of that size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=page.as_uri())
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str, wait: float = 0.05) -> Any:
        """The value of an expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        time.sleep(wait)
        return answer["result"].get("value")

    def until(self, condition: str, seconds: float = 30) -> None:
        """Waits for an expression to be true."""
        end = time.monotonic() + seconds
        while not self.run(condition, 0):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def draw(self, *figures: str) -> None:
        """Brings charts that this width shows into view, those of these figures or all, until their script has drawn them."""
        within = ", ".join(f"#{figure} .chart" for figure in figures) or ".chart"
        shown = f"[...document.querySelectorAll('{within}')].filter((chart) => chart.offsetParent)"
        for index in range(self.run(f"{shown}.length", 0)):
            self.run(f"{shown}[{index}].scrollIntoView()", 0)
            self.until(f"{shown}[{index}].querySelector('.vega-embed svg') !== null")

    def move(self, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        time.sleep(0.05)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """The mouse from one place to another with its button down."""
        held = {"button": "left", "buttons": 1}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=start[0], y=start[1])
        self.call(
            "Input.dispatchMouseEvent",
            **{"type": "mousePressed", "x": start[0], "y": start[1], "clickCount": 1, **held},
        )
        for share in (0.25, 0.5, 0.75, 1.0):
            x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, **held)
            time.sleep(0.05)
        self.call(
            "Input.dispatchMouseEvent",
            **{"type": "mouseReleased", "x": end[0], "y": end[1], "clickCount": 1, **held},
        )
        time.sleep(0.1)

    def press(self, key: str, pause: float = 0.05) -> None:
        """A key pressed and released, and a pause of so many seconds."""
        codes = {
            "Enter": (13, "\r"),
            "Escape": (27, ""),
            "Tab": (9, ""),
            " ": (32, " "),
            "ArrowRight": (39, ""),
            "Home": (36, ""),
        }
        code, text = codes[key]
        given = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **given)
        self.call("Input.dispatchKeyEvent", type="keyUp", **given)
        time.sleep(pause)

    @property
    def requested(self) -> list[str]:
        """What the page has asked for, data: addresses aside."""
        urls = [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith("data:")]

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """Errors and warnings: of scripts, of the console, of the policy."""
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event for event in self.events if event.get("method") in kinds]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            more = os.read(self._answers, 1 << 20)
            assert more, "the browser has gone"
            self._pending += more
        message, _, self._pending = self._pending.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, closed at the end."""
    assert EXECUTABLE
    (read, commands), (answers, write) = os.pipe(), os.pipe()
    # The protocol's pipes are file descriptors 3 and 4.
    started = ["bash", "-c", f'exec "$@" 3<&{read} 4>&{write}', "bash"]
    process = subprocess.Popen(
        [*started, EXECUTABLE, *_FLAGS, f"--user-data-dir={profile}"],
        pass_fds=(read, write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(read)
    os.close(write)
    try:
        yield Browser(commands, answers)
    finally:
        os.close(commands)
        os.close(answers)
        process.terminate()
        process.wait(10)
