"""Take pictures of a running server's page: `python -m scripts.page_screenshots URL FOLDER`."""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
_DESK, _PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
_PICTURES = {
    "light": ("light", _DESK, False),
    "dark": ("dark", _DESK, False),
    "phone": ("light", _PHONE, True),
    "phone-dark": ("dark", _PHONE, True),
}


def main(url: str, folder: Path) -> None:
    """Write a PNG for each of the looks, and one of the second tab."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        for name in _PICTURES:
            _picture(browser, url, folder, name)
        browser.close()


def _picture(browser: Browser, url: str, folder: Path, name: str) -> None:
    scheme, viewport, touch = _PICTURES[name]
    context = browser.new_context(
        viewport=viewport, color_scheme=scheme, has_touch=touch, is_mobile=touch
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#lines path")
    page.wait_for_selector("#orders:not([aria-busy])")
    page.wait_for_timeout(500)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
    if name == "light":
        _save_cover(page, folder / "page.png")
    page.get_by_role("tab", name="Live times").click()
    page.wait_for_selector("#live tbody tr")
    page.screenshot(path=folder / f"{name}-live.png")
    context.close()


def _save_cover(page: Page, file: Path) -> None:
    """Save the upper part, down to the end of the orders, in few colours: it goes into the docs."""
    box = page.locator("#orders").bounding_box()
    assert box is not None
    height = box["y"] + box["height"] + 16
    clip: FloatRect = {"x": 0, "y": 0, "width": _DESK["width"], "height": height}
    picture = Image.open(BytesIO(page.screenshot(full_page=True, clip=clip)))
    picture.convert("RGB").quantize(48).save(file, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
