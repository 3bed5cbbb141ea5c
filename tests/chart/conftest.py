"""A real browser for the charts: Debian's Chromium, driven by Playwright, started once."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("AFTERGLOW_TEST_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield running
        running.close()
