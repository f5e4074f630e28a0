"""Pictures of a sweep in MLflow's own interface, taken in a headless Chromium.

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
# As after a first visit: model training rather than chats, and the assistant's panel closed.
VISITED = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
}
# What MLflow's pages complain of whatever they show:
HARMLESS = (
    "/mlflow/users/current",  # asked for, and not there, where nobody logs in
    "ResizeObserver loop completed",  # a layout that took two frames
)


@dataclass
class Seen:
    """What the pages showed: the text of each, the width of the front's picture, and complaints."""

    sweep: str = ""
    trials: str = ""
    front: str = ""
    num_points: int = 0  # drawn in the report
    picture_width: int = 0
    errors: list[str] = field(default_factory=list)


def chromium() -> str | None:
    """The browser that is installed."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


def look(url: str, sweep: str, folder: Path) -> Seen:
    """Open the pages one after another, as a reader would, by the links of the first."""
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
        kept = [{"name": name, "value": value} for name, value in VISITED.items()]
        state = {"cookies": [], "origins": [{"origin": url, "localStorage": kept}]}
        context = browser.new_context(viewport=SIZE, storage_state=state)
        context.set_default_timeout(20_000)
        context.on("console", lambda message: _complain(seen, message))
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
        page.locator("#front .legend").wait_for()
        seen.front = page.locator("#front").inner_text()
        seen.num_points = page.locator("#front .scatterlayer .point").count()
        report.screenshot(path=folder / "ui-front.png")

        report.get_by_text("front.png").click()
        picture = report.locator("img[src^='blob:'], img[src*='front.png']").first
        picture.wait_for()
        seen.picture_width = picture.evaluate("image => image.naturalWidth")
    return seen


def _complain(seen: Seen, message: Any) -> None:
    said = f"{message.text} {message.location['url']}"
    if message.type == "error" and not any(words in said for words in HARMLESS):
        seen.errors.append(said)


if __name__ == "__main__":
    print(look(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
