"""Take pictures of a sweep in MLflow's own interface, with a headless Chromium.

    python -m tests.screenshots http://127.0.0.1:5000 miniature docs

writes ui-sweep.png, ui-trials.png and ui-front.png: the sweep's own run, the table of its trials,
and the report among its artifacts.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SIZE = {"width": 1480, "height": 860}
# Local storage as after a first visit: model training, not chats, and the assistant's panel closed.
LOCAL_STORAGE = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
}
# Errors that MLflow's pages log for every sweep:
HARMLESS = (
    "/mlflow/users/current",  # requested, but missing where users do not log in
    "ResizeObserver loop completed",  # a layout that took two frames
)


@dataclass
class Seen:
    """What the pages of a sweep showed.

    sweep, trials, front: text of the sweep's page, of the table of trials, and of the report.
    num_points: number of points drawn in the report.
    picture_width: width of front.png, in pixels.
    errors: errors that the pages logged, except the harmless ones.
    """

    sweep: str = ""
    trials: str = ""
    front: str = ""
    num_points: int = 0
    picture_width: int = 0
    errors: list[str] = field(default_factory=list)


def chromium() -> str | None:
    """Return the path of the browser that is installed, or None."""
    paths = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in paths if path), None)


def look(url: str, sweep: str, folder: Path) -> Seen:
    """Open the pages of a sweep by the links of the first, and write a picture of each.

    url: address of the MLflow server.
    sweep: name of the sweep.
    folder: where the pictures are written.

    Returns:
        What the pages showed.
    """
    from mlflow import MlflowClient
    from playwright.sync_api import sync_playwright

    client = MlflowClient(url)
    experiment = client.get_experiment_by_name(sweep).experiment_id
    (run,) = client.search_runs([experiment], "tags.`sweep.role` = 'sweep'")
    runs = f"{url}/#/experiments/{experiment}/runs"
    seen = Seen()
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium()) as browser,
    ):
        items = [{"name": name, "value": value} for name, value in LOCAL_STORAGE.items()]
        state = {"cookies": [], "origins": [{"origin": url, "localStorage": items}]}
        context = browser.new_context(viewport=SIZE, storage_state=state)
        context.set_default_timeout(20_000)
        context.on("console", lambda message: _note_error(seen, message))
        context.on("weberror", lambda error: seen.errors.append(str(error.error)))

        first = context.new_page()
        first.goto(f"{runs}/{run.info.run_id}")
        first.get_by_text("Show more").click()
        first.get_by_text("Show less").wait_for()
        seen.sweep = first.inner_text("body")
        first.screenshot(path=folder / "ui-sweep.png")

        with context.expect_page() as opened:
            first.get_by_role("link", name="all trials").click()
        trials = opened.value
        trials.get_by_text("on_front", exact=True).first.wait_for()
        trials.get_by_text(f"{sweep}-0000").first.wait_for()
        seen.trials = trials.inner_text("body")
        trials.screenshot(path=folder / "ui-trials.png")

        with context.expect_page() as opened:
            first.get_by_role("link", name="the front").click()
        report = opened.value
        page = report.frame_locator("iframe")
        page.locator("#front .point").first.wait_for()
        seen.front = " ".join(page.locator("h1, #front text").all_text_contents())
        seen.num_points = page.locator("#front .point").count()
        report.screenshot(path=folder / "ui-front.png")

        report.get_by_text("front.png").click()
        picture = report.locator("img[src^='blob:'], img[src*='front.png']").first
        picture.wait_for()
        seen.picture_width = picture.evaluate("image => image.naturalWidth")
    return seen


def _note_error(seen: Seen, message: Any) -> None:
    """Add a message of the browser's console to `seen.errors` if it is an error and not harmless."""
    text = f"{message.text} {message.location['url']}"
    if message.type == "error" and not any(words in text for words in HARMLESS):
        seen.errors.append(text)


if __name__ == "__main__":
    print(look(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
