"""What a user does in Airflow's UI, in a real browser: log in, fill the form, watch the run, open what it left.

`walk.py <Airflow's URL> <password> <folder for screenshots>`, run by test_browser.py in an environment that has
Playwright; drives Debian's chromium. Prints one line of JSON: the run's id and what the links led to.
"""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
BACKGROUND = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", *BACKGROUND]
PATIENCE_MS = 120_000
RUN_MS = 600_000


def main() -> None:
    """Walk through it all."""
    url, password, folder = sys.argv[1].rstrip("/"), sys.argv[2], Path(sys.argv[3])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True).new_page()
        page.set_default_timeout(PATIENCE_MS)
        log_in(page, url, password)
        fill_and_trigger(page, url, folder)
        run_id = watch(page, url, folder)
        found = open_links(page, url, run_id, folder)
        browser.close()
    print(json.dumps({"run_id": run_id, **found}))


def log_in(page: Page, url: str, password: str) -> None:
    """The UI asks whoever comes for a login."""
    page.goto(url)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(f"{url}/")


def fill_and_trigger(page: Page, url: str, folder: Path) -> None:
    """Set something in each section of the form, and start the run."""
    page.goto(f"{url}/dags/mnist_tuning")
    page.get_by_role("button", name="Trigger").first.click()
    with section(page, "Data", folder):
        choose(page, "dataset", "bundled")
    with section(page, "Search space", folder):
        number(page, "learning_rate_min", "0.02")
        choose(page, "tune", "Momentum")
    with section(page, "Search", folder):
        number(page, "jobs", "2")
        number(page, "parallel_jobs", "2")
        choose(page, "strategy", "Random")
    with section(page, "Training", folder):
        number(page, "training_steps", "40")
        number(page, "evaluate_every", "20")
    with section(page, "Afterwards", folder):
        choose(page, "when_cleared", "Make a new")
    page.get_by_role("dialog").get_by_role("button", name="Trigger", exact=True).click()


class section:  # noqa: N801 - reads as a statement
    """Opens a section of the form, and takes a picture of it once it is filled in."""

    def __init__(self, page: Page, name: str, folder: Path) -> None:
        self._page, self._name, self._folder = page, name, folder

    def __enter__(self) -> None:
        self._title().click()
        self._page.wait_for_timeout(800)

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            self._title().scroll_into_view_if_needed()
            name = self._name.lower().replace(" ", "-")
            self._page.screenshot(path=self._folder / f"form-{name}.png")
            self._title().click()

    def _title(self) -> Any:
        return self._page.get_by_role("dialog").get_by_role("button", name=self._name, exact=True)


def number(page: Page, param: str, value: str) -> None:
    """Type into a number's field."""
    field = page.locator(f"input[name=element_{param}]")
    field.fill(value)
    field.press("Tab")


def choose(page: Page, param: str, beginning: str) -> None:
    """Pick from a drop-down."""
    box = page.locator(f"xpath=//input[@name='element_{param}']/ancestor::div[.//input[@role='combobox']][1]").first
    box.locator("input[role=combobox]").click()
    page.keyboard.type(beginning)
    page.keyboard.press("Enter")


def watch(page: Page, url: str, folder: Path) -> str:
    """Wait in the grid until the run has succeeded; its id."""
    page.goto(f"{url}/dags/mnist_tuning/runs")
    link = page.locator("table a[href*='/dags/mnist_tuning/runs/']").first
    link.wait_for()
    run_id = (link.get_attribute("href") or "").split("/runs/")[1].split("?")[0]
    page.goto(f"{url}/dags/mnist_tuning/runs/{run_id}")
    ended = """run => [...document.querySelectorAll("h1, h2")].some(
        title => title.innerText.includes(run) && /Success|Failed/.test(title.parentElement.innerText))"""
    page.wait_for_function(ended, arg=unquote(run_id), timeout=RUN_MS)
    page.wait_for_timeout(2000)
    page.screenshot(path=folder / "run.png")
    return run_id


def open_links(page: Page, url: str, run_id: str, folder: Path) -> dict[str, Any]:
    """Follow the links of the tasks: the job's page, and the model."""
    page.goto(f"{url}/dags/mnist_tuning/runs/{run_id}/tasks/wait_for_tuning_job/details")
    job_page = page.get_by_role("link", name="Tuning job").get_attribute("href") or ""
    page.screenshot(path=folder / "links.png")
    page.goto(f"{url}/dags/mnist_tuning/runs/{run_id}/tasks/extract_best_model/details")
    model = page.get_by_role("link", name="Best model")
    model.wait_for()
    model_page = model.get_attribute("href") or ""
    with page.expect_download() as started:
        page.evaluate("address => { window.location = address }", model_page)
    archive = Path(started.value.path()).read_bytes()
    page.goto(job_page)
    page.get_by_text("Completed", exact=True).first.wait_for()
    page.screenshot(path=folder / "tuning-job.png")
    trials = page.locator("tbody tr").count()
    page.get_by_role("link", name="All logs").click()
    return {"trials": trials, "model_bytes": len(archive), "log": page.inner_text("body")[:20000]}


if __name__ == "__main__":
    main()
