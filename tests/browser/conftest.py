"""One JupyterLab a session, one Chromium a test module, one page a test or, where `shown` is asked for, a module."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from lab import CHECKOUT, CHROMIUM_ARGS, VIEWPORT, LabPage, LabServer, find_chromium
from playwright.sync_api import Browser, sync_playwright
from window import Window

FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def chromium() -> str:
    path = find_chromium()
    if path is None:
        message = "no Chromium: 'apt-get install chromium' (Debian), or have google-chrome on the PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def lab_server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    folder = tmp_path_factory.mktemp("lab")
    root = folder / "notebooks"
    root.mkdir()
    for notebook in (CHECKOUT / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, root)
    server = LabServer(root, folder / "state")
    try:
        server.wait()
        yield server
    finally:
        server.close()
        shutil.rmtree(root)  # visits that notebooks simulated are large


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    # A module's, not the session's: while Playwright runs, its event loop counts as running in this thread
    # and would break tests elsewhere that start one.
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            # A headless Chromium hides scroll bars, which a person sees.
            executable_path=chromium,
            args=CHROMIUM_ARGS,
            ignore_default_args=["--hide-scrollbars"],
        )
        yield running
        running.close()


@pytest.fixture
def watched(
    tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[[LabPage], AbstractContextManager[None]]:
    """What fails a test that leaves errors on the console or in the kernel, and keeps a picture of a failure."""

    @contextmanager
    def watch(opened: LabPage) -> Iterator[None]:
        opened.screenshots = Path(os.environ.get("HUSTLE_SCREENSHOTS") or tmp_path)
        yield
        if request.node.stash.get(FAILED, True):
            print("screenshot:", opened.screenshot(f"failed_{request.node.name}"))
        errors = opened.take_errors()
        assert not errors, "errors in the browser or the kernel:\n" + "\n".join(errors)

    return watch


@pytest.fixture
def lab(
    new_page: Callable[[], LabPage], watched: Callable[[LabPage], AbstractContextManager[None]]
) -> Iterator[LabPage]:
    """A browser page on JupyterLab."""
    opened = new_page()
    try:
        with watched(opened):
            yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def new_page(
    lab_server: LabServer, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], LabPage]:
    """Opens a browser page on JupyterLab."""

    def open_page() -> LabPage:
        page = browser.new_context(viewport=VIEWPORT).new_page()
        page.set_default_timeout(30_000)
        return LabPage(lab_server, page, tmp_path_factory.getbasetemp())

    return open_page


@pytest.fixture(scope="module")
def window(new_page: Callable[[], LabPage]) -> Iterator[Window]:
    """The page that the tests of a module share, see `Window`."""
    window = Window(new_page)
    yield window
    window.close()
