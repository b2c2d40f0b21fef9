"""A JupyterLab server and its page in a headless Chromium, as one person at a notebook would use them.

Tests take the ``lab`` fixture (a `LabPage`); see ``test_harness.py`` for what it can do.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from kernel import KernelConnection
from PIL import Image
from playwright.sync_api import ConsoleMessage, Locator, Page, ViewportSize, sync_playwright

CHECKOUT = Path(__file__).parents[2]
LAB_CONFIG = CHECKOUT / "hustle_widgets" / "data"  # its labconfig folder is what `hustle-widgets lab` uses
NOTEBOOKS = "notebooks"  # what `headless_lab` serves
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Console errors that JupyterLab itself makes on a clean page, and why they are none of ours.
KNOWN_NOISE: dict[str, str] = {}


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome, if any."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def changed_fraction(before: np.ndarray, after: np.ndarray, threshold: int = 16) -> float:
    """The part of the pixels (0 to 1) that differ by more than `threshold` of 255 in some colour."""
    if before.shape != after.shape:
        return 1.0
    return float((np.abs(before.astype(int) - after.astype(int)).max(axis=-1) > threshold).mean())


class LabServer:
    """One JupyterLab process with settings of its own, serving a folder."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root, self.token = root, uuid.uuid4().hex
        self.runtime, self.log = state / "runtime", state / "server.log"
        for folder in ("config", "data", "runtime", "ipython"):
            (state / folder).mkdir(parents=True)
        env = os.environ | {
            "JUPYTER_CONFIG_DIR": str(state / "config"),
            "JUPYTER_CONFIG_PATH": str(LAB_CONFIG),
            "JUPYTER_DATA_DIR": str(state / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "IPYTHONDIR": str(state / "ipython"),
            "PYTHONPATH": os.pathsep.join([str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        }
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = [
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={port}",
            f"--ServerApp.root_dir={root}",
            f"--IdentityProvider.token={self.token}",
            "--ServerApp.terminals_enabled=False",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        ]
        command = [sys.executable, "-m", "jupyterlab", *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=root,
                start_new_session=True,
            )
        self.url = f"http://127.0.0.1:{port}"

    def wait(self, timeout: float = 60) -> None:
        """Wait until the server answers."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                self.api("GET", "status")
                return
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start within {timeout} s:\n{self.log.read_text()[-4000:]}")

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the server's REST interface."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}/api/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def kernel_id(self, name: str) -> str | None:
        """The kernel of an open notebook."""
        sessions = self.api("GET", "sessions")
        return next((s["kernel"]["id"] for s in sessions if s["path"] == name), None)

    def start_kernel(self, name: str) -> None:
        """Start a notebook's kernel, while a page on its way to it is still being loaded."""
        session = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        self.api("POST", "sessions", session)

    def shut_down_kernels(self, names: Container[str] | None = None) -> None:
        """End the kernels of these notebooks, or of all."""
        for session in self.api("GET", "sessions"):
            if names is None or session["path"] in names:
                self.api("DELETE", f"sessions/{session['id']}")

    def close(self) -> None:
        """End the server; its kernels end with it."""
        with contextlib.suppress(OSError):
            self.shut_down_kernels()
        for how in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                return


class LabPage:
    """One notebook open in JupyterLab, in one browser page."""

    def __init__(self, server: LabServer, page: Page, screenshots: Path) -> None:
        self.server, self.page, self.screenshots = server, page, screenshots
        self.name = ""
        self._opened: set[str] = set()
        self.interface = "doc"  # one document, the side bar closed; "lab" is with tabs and the side bar open
        self.kernel: KernelConnection | None = None
        self._console_errors: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._console_errors.append(f"uncaught: {error}"))
        page.on("crash", lambda _: self._console_errors.append("the page crashed"))

    # Opening

    def new_notebook(self, cells: Iterable[str], name: str = "") -> None:
        """Write a notebook of these code cells into the served folder and open it."""
        name = name or f"test_{uuid.uuid4().hex[:8]}.ipynb"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.server.root / name)
        self.open_notebook(name)

    def open_notebook(self, name: str, timeout: float = 60) -> None:
        """Open a notebook of the served folder and wait until its kernel is ready."""
        self.name = name
        self._opened.add(name)
        self.server.start_kernel(name)
        workspace = uuid.uuid4().hex[:8]  # a layout of its own: nothing that another page left open
        address = (
            f"{self.server.url}/{self.interface}/workspaces/{workspace}/tree/{name}?token={self.server.token}"
        )
        self.page.goto(address, timeout=timeout * 1000)
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=timeout * 1000)
        self.page.wait_for_function("() => window.jupyterapp !== undefined", timeout=timeout * 1000)
        self.wait_until(self._kernel_ready, timeout, "the kernel to be ready")
        kernel_id = self.server.kernel_id(name)
        self.kernel = KernelConnection(self.server.runtime / f"kernel-{kernel_id}.json")

    def _kernel_ready(self) -> bool:
        accept = self.page.locator(".jp-Dialog:has-text('Select Kernel') .jp-mod-accept")
        if accept.is_visible():
            accept.click()
        return self.status() == "idle" and self.server.kernel_id(self.name) is not None

    # Running

    def status(self) -> str:
        """What JupyterLab says of the kernel: 'idle', 'busy', 'starting', ..."""
        script = "() => jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status ?? 'none'"
        return str(self.page.evaluate(script))

    def run_all(self, timeout: float = 120, check: bool = True) -> None:
        """Run the notebook from top to bottom; an exception of a cell is raised here, unless not `check`."""
        self._command("notebook:run-all-cells", timeout)
        if check:
            self._raise_cell_errors()

    def run_cell(self, index: int, timeout: float = 60, check: bool = True) -> None:
        """Run one cell, by its number from 0 on (text cells count)."""
        activate = """i => { const notebook = jupyterapp.shell.currentWidget.content;
            notebook.deselectAll(); notebook.activeCellIndex = i; }"""
        self.page.evaluate(activate, index)
        self._command("notebook:run-cell", timeout)
        if check:
            self._raise_cell_errors(index)

    def _command(self, command: str, timeout: float) -> None:
        start = """command => { window._commandDone = false;
            jupyterapp.commands.execute(command).finally(() => { window._commandDone = true; }); }"""
        self.page.evaluate(start, command)
        self.page.wait_for_function("() => window._commandDone", timeout=timeout * 1000)
        self.wait_for_idle(timeout)

    def _raise_cell_errors(self, index: int | None = None) -> None:
        outputs: list[list[dict[str, Any]]] = self.page.evaluate(
            """() => jupyterapp.shell.currentWidget.content.widgets.map(
                cell => cell.model.type === 'code' ? cell.model.sharedModel.toJSON().outputs : [])"""
        )
        for number, cell_outputs in enumerate(outputs):
            for output in cell_outputs:
                if output["output_type"] == "error" and index in (None, number):
                    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output["traceback"]))
                    raise AssertionError(f"cell {number} of {self.name} failed:\n{text}")

    def wait_for_idle(self, timeout: float = 60) -> None:
        """Wait until no cell or widget message is in work; a thread of the kernel may still compute."""
        self.wait_until(lambda: self.status() == "idle", timeout, "the kernel to be idle")

    def wait_until(self, condition: Callable[[], Any], timeout: float = 30, what: str = "") -> Any:
        """Ask `condition` until it gives something true; give that back. AssertionError after `timeout` s."""
        deadline = time.monotonic() + timeout
        while True:
            if result := condition():
                return result
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout} s in vain for {what or condition}")
            self.page.wait_for_timeout(50)

    def kernel_eval(self, expression: str, timeout: float = 30) -> Any:
        """Evaluate an expression in the notebook's kernel (as JSON; what JSON lacks comes as its repr)."""
        assert self.kernel is not None, "open a notebook first"
        return self.kernel.evaluate(expression, timeout)

    # Looking

    def cell(self, index: int) -> Locator:
        """A cell, by its number from 0 on (text cells count)."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output_of_cell(self, index: int) -> Locator:
        """What is shown under a cell; ``.inner_text()`` gives its text."""
        return self.cell(index).locator(".jp-Cell-outputWrapper")

    def flush(self) -> None:
        """Wait until the page has heard, and drawn, all that the kernel has sent so far.

        Messages come in order: after the answer to an empty request nothing sent earlier is on its way.
        """
        script = """async () => {
            const kernel = jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
            if (kernel?.connectionStatus === 'connected') {
                const asked = kernel.requestExecute({ code: '', silent: true, store_history: false });
                await Promise.race([asked.done.catch(() => {}), new Promise(done => setTimeout(done, 10000))]);
            }
            for (let k = 0; k < 2; k++) await new Promise(requestAnimationFrame);
        }"""
        self.page.evaluate(script)

    def pixels(self, target: Locator, timeout: float = 5) -> np.ndarray:
        """The colours of an element on the screen once they rest: (rows, columns, 3) uint8.

        What still moves after `timeout` seconds is returned as it is.
        """
        self.flush()
        deadline = time.monotonic() + timeout
        before = self._look(target)
        while True:
            self.page.wait_for_timeout(80)
            after = self._look(target)
            if np.array_equal(before, after) or time.monotonic() > deadline:
                return after
            before = after

    def _look(self, target: Locator) -> np.ndarray:
        target.scroll_into_view_if_needed()
        return np.asarray(Image.open(io.BytesIO(target.screenshot(animations="disabled"))).convert("RGB"))

    def at_rest(self, target: Locator) -> dict[str, float]:
        """The place of an element on the screen once it moves no more: x, y, width, height."""
        seen: list[Any] = [None]

        def rests() -> Any:
            seen.append(target.bounding_box())
            return seen[-1] is not None and seen[-1] == seen[-2]

        self.wait_until(rests, 10, f"{target} to rest")
        return seen[-1]

    def screenshot(self, name: str, target: Locator | None = None) -> Path:
        """Save a picture of the page, or of one element, as NAME.png in the screenshots' folder."""
        self.screenshots.mkdir(parents=True, exist_ok=True)
        path = self.screenshots / f"{name}.png"
        (self.page if target is None else target).screenshot(path=path)
        return path

    # Sliders

    def slider(self, description: str) -> Locator:
        """The slider whose label is `description`."""
        label = self.page.locator(".widget-label", has_text=re.compile(f"^\\s*{re.escape(description)}\\s*$"))
        return self.page.locator(".widget-slider").filter(has=label)

    def slider_value(self, slider: str | Locator) -> float:
        """The value where the slider's handle stands."""
        value = self._handle(slider).get_attribute("aria-valuenow")
        assert value is not None
        return float(value)

    def press_slider(self, slider: str | Locator, key: str = "ArrowRight", times: int = 1) -> None:
        """Move a slider by keys: ArrowRight, ArrowLeft, PageUp, Home, ..."""
        handle = self._handle(slider)
        handle.scroll_into_view_if_needed()
        handle.focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def drag_slider(self, slider: str | Locator, fraction: float, steps: int = 10) -> None:
        """Drag a slider's handle with the mouse to a fraction (0 to 1) of its track."""
        handle = self._handle(slider)
        handle.scroll_into_view_if_needed()
        start = self.at_rest(handle)
        track = self.at_rest(self._slider(slider).locator(".noUi-base"))
        y = start["y"] + start["height"] / 2
        self.page.mouse.move(start["x"] + start["width"] / 2, y)
        self.page.mouse.down()
        self.page.mouse.move(track["x"] + fraction * track["width"], y, steps=steps)
        self.page.mouse.up()

    def _slider(self, slider: str | Locator) -> Locator:
        return self.slider(slider) if isinstance(slider, str) else slider

    def _handle(self, slider: str | Locator) -> Locator:
        return self._slider(slider).locator(".noUi-handle").first

    # What went wrong

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            text = f"{message.text} ({where})"
            if not any(noise in text for noise in KNOWN_NOISE):
                self._console_errors.append(text)

    def take_errors(self) -> list[str]:
        """Errors since the last call: of the browser's console, and raised in the kernel outside of cells.

        The fixture fails a test that leaves any; a test that provokes one takes it.
        """
        self.page.wait_for_timeout(50)  # lets the browser's pending reports in
        errors, self._console_errors = self._console_errors, []
        return errors + (self.kernel.take_errors() if self.kernel else [])

    def close(self) -> None:
        """Leave the page and end the kernels of its notebooks; another page's go on."""
        if self.kernel:
            self.kernel.close()
        self.page.context.close()
        self.server.shut_down_kernels(self._opened)


@contextlib.contextmanager
def headless_lab(place: Path, viewport: ViewportSize = VIEWPORT) -> Iterator[LabPage]:
    """A page of a JupyterLab of its own that serves the folder NOTEBOOKS of `place`, for scripts.

    Scroll bars are shown, as people have them.
    """
    root = place / NOTEBOOKS
    root.mkdir(exist_ok=True)
    server = LabServer(root, place / "state")
    try:
        server.wait()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(),
                args=CHROMIUM_ARGS,
                ignore_default_args=["--hide-scrollbars"],
            )
            page = LabPage(server, browser.new_page(viewport=viewport), place)
            yield page
            page.close()
            browser.close()
    finally:
        server.close()
