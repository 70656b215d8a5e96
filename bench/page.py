"""`make bench-page`: what a person waits for on the page, in Chromium, and what 25 who stream cost its server.

python -m bench.page                every figure, in some four minutes
python -m bench.page --only rerun   some: start, rerun, token, stop, streams
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.page_people import Instance, running
from bench.page_provider import Provider
from bench.page_viewers import watch_streams
from bench.processes import cpu_seconds, memory_mib

CHATS = (0, 200, 10_000)
MESSAGES = 500
ROUNDS, TOKENS = 7, 12
PEOPLE, SECONDS, PACE_MS = 25, 20, 50
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
IDLE = '[data-testid=stApp][data-test-script-state="notRunning"]'

# Resolves with the milliseconds from the click until the script has ended and what it drew was painted.
CLICK = """(selector) => new Promise((done) => {
  const app = document.querySelector("[data-testid=stApp]");
  const begun = performance.now();
  let ran = false;
  const watch = new MutationObserver(() => {
    if (app.dataset.testScriptState === "running") ran = true;
    else if (ran && app.dataset.testScriptState === "notRunning") {
      watch.disconnect();
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
    }
  });
  watch.observe(app, { attributes: true });
  document.querySelector(selector).click();
})"""
# Notes when the first word of a reply stands in an empty chat, by the machine's clock; then the frames' longest gap.
FIRST = """() => {
  const told = "[class*=st-key-running-], [class*=st-key-turn-assistant]";
  window.benchFirst = 0;
  window.benchGap = 0;
  let last = 0;
  const frame = (now) => {
    if (window.benchFirst) window.benchGap = Math.max(window.benchGap, now - last);
    else if ([...document.querySelectorAll(told)].some((one) => /\\bw1\\b/.test(one.textContent))) {
      window.benchFirst = Date.now();
    }
    last = now;
    window.benchFrame = requestAnimationFrame(frame);
  };
  cancelAnimationFrame(window.benchFrame);
  window.benchFrame = requestAnimationFrame(frame);
}"""


@dataclass
class Report:
    rows: list[tuple[str, str]] = field(default_factory=list)

    def add(self, what: str, figure: str) -> None:
        self.rows.append((what, figure))
        print(f"{what:<64} {figure}", flush=True)


def spread(values: list[float], unit: str = "ms", digits: int = 0) -> str:
    return f"{median(values):.{digits}f} {unit} ({min(values):.{digits}f}-{max(values):.{digits}f}, n {len(values)})"


@contextmanager
def person(browser: Browser, instance: Instance, handle: str, *, open_it: bool = True) -> Iterator[Page]:
    context = signed_in(browser, instance, handle)
    page = context.new_page()
    if open_it:
        page.goto(instance.url)
        composer(page).wait_for()
        page.locator(IDLE).wait_for()
    yield page
    context.close()


def signed_in(browser: Browser, instance: Instance, handle: str) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(120_000)
    context.add_cookies([{"name": "parley_session", "value": handle, "url": instance.url, "httpOnly": True}])
    return context


def composer(page: Page) -> Any:
    return page.get_by_test_id("stChatInputTextArea")


def start(browser: Browser, instance: Instance, report: Report) -> None:
    """Navigation to a letter that stands in the box; the cache empty, then kept."""
    handle = instance.accounts.handle("starter")
    cold, warm, weights = [], [], []
    for _ in range(3):
        with person(browser, instance, handle, open_it=False) as page:
            got: list[Any] = []
            page.on("requestfinished", lambda request, got=got: got.append(request))
            cold.append(_letter(page, instance.url))
            weights.append((len(got), sum(request.sizes()["responseBodySize"] for request in got) / 1e6))
            warm += [_letter(page, instance.url) for _ in range(2)]
    report.add("navigation to a typed letter, cold cache", spread(cold, "s", 2))
    report.add("the same, warm cache", spread(warm, "s", 2))
    report.add("weight, cold: requests and MB over the wire", f"{weights[0][0]} and {weights[0][1]:.2f}")


def _letter(page: Page, url: str) -> float:
    begun = time.perf_counter()
    page.goto(url, wait_until="commit")
    box = composer(page)
    box.wait_for()
    box.press("a")
    polled(lambda: box.input_value() == "a")
    took = time.perf_counter() - begun
    box.fill("")  # a draft would stand there the next time
    return took


def rerun(browser: Browser, instance: Instance, report: Report) -> None:
    """Click on New chat until everything is drawn, and a long chat opened."""
    for count in CHATS:
        handle = instance.accounts.handle(f"has-{count}", chats=count)
        with person(browser, instance, handle) as page:
            clicks = [page.evaluate(CLICK, ".st-key-new-chat button") for _ in range(ROUNDS + 1)][1:]
            report.add(f"click to drawn, {count:,} chats", spread(clicks))
    handle = instance.accounts.handle("talker", model=True)
    instance.accounts.long_chat("talker", MESSAGES)
    with person(browser, instance, handle) as page:
        row = "[class*=st-key-chat-] button"
        page.locator(row).first.wait_for()
        opened, again = [], []
        for _ in range(ROUNDS):
            opened.append(page.evaluate(CLICK, row))
            again.append(page.evaluate(CLICK, row))
            page.evaluate(CLICK, ".st-key-new-chat button")
        report.add(f"click to drawn, a chat of {MESSAGES} messages opened", spread(opened))
        report.add("the same, drawn again", spread(again))


def token(browser: Browser, instance: Instance, report: Report) -> None:
    """The provider's first token to the first word on screen: the API's share is in it."""
    provider = instance.provider
    with person(browser, instance, instance.accounts.handle("asker", model=True)) as page:
        waits, gaps = [], []
        for _ in range(TOKENS + 1):
            sent = len(provider.first)
            shown = asks(page, "words:220:5")
            page.locator(".st-key-stop button").wait_for(state="detached")
            gaps.append(page.evaluate("window.benchGap"))
            waits.append(shown - provider.first[sent] * 1000)
        report.add("provider's first token to screen", spread(waits[1:]))
        report.add("worst gap between frames while 200 tokens a second come", spread(gaps[1:]))


def asks(page: Page, text: str) -> float:
    """In a new chat; when the first word was on screen, by the machine's clock, in milliseconds."""
    page.evaluate(CLICK, ".st-key-new-chat button")
    page.evaluate(FIRST)
    composer(page).fill(text)
    composer(page).press("Enter")
    return polled(lambda: page.evaluate("window.benchFirst"))


def polled(look: Callable[[], Any]) -> Any:
    """The page's policy forbids what `wait_for_function` would evaluate in it."""
    limit = time.monotonic() + 120
    while not (found := look()):
        assert time.monotonic() < limit, "waited two minutes in vain"
        time.sleep(0.02)
    return found


def stop(browser: Browser, instance: Instance, report: Report) -> None:
    provider = instance.provider
    with person(browser, instance, instance.accounts.handle("asker", model=True)) as page:
        waits = []
        for _ in range(5):
            closed = len(provider.closed)
            asks(page, "words:2000:20")
            begun = time.time()
            page.locator(".st-key-stop button").click()
            polled(lambda closed=closed: len(provider.closed) > closed)  # type: ignore[misc]
            waits.append((provider.closed[closed] - begun) * 1000)
            page.locator(".st-key-stop button").wait_for(state="detached")
        report.add("click on Stop until the provider's connection is closed", spread(waits))


def streams(_: Browser, instance: Instance, report: Report) -> None:
    """People who watch a reply of their own, each over a socket as a browser's, without the browsers' own cost."""
    length = SECONDS * 1000 // PACE_MS
    people = [instance.accounts.streaming(f"viewer-{n}", length, PACE_MS) for n in range(PEOPLE)]
    before = cpu_seconds(instance.page_pid), cpu_seconds(instance.api_pid)
    begun = time.perf_counter()
    complete, peak = watch_streams(instance, people, f"w{length}")
    took = time.perf_counter() - begun
    page, api = (cpu_seconds(pid) - was for pid, was in zip((instance.page_pid, instance.api_pid), before, strict=True))
    report.add(f"{PEOPLE} people streaming {length} tokens: seen to the end", f"{complete} of {PEOPLE} in {took:.1f} s")
    report.add("CPU of the page's server, and of the API's", f"{page / took:.0%} and {api / took:.0%} of a core")
    report.add("memory of the page's server, at most", f"{peak:.0f} MiB")


PARTS: dict[str, Callable[[Browser, Instance, Report], None]] = {
    "start": start,
    "rerun": rerun,
    "token": token,
    "stop": stop,
    "streams": streams,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.page")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    wanted = parser.parse_args().only
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        sys.exit("bench-page: Chromium is needed; install it")
    report = Report()
    with (
        tempfile.TemporaryDirectory() as folder,
        Provider() as provider,
        running(Path(folder), provider) as instance,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        report.add("load of the machine before", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        idle = memory_mib(instance.page_pid), memory_mib(instance.api_pid)
        report.add("memory at rest: page's server, API's", f"{idle[0]:.0f} and {idle[1]:.0f} MiB")
        for name in wanted:
            PARTS[name](browser, instance, report)
        report.add(
            "memory at the end: page's server, API's",
            " and ".join(f"{memory_mib(pid):.0f}" for pid in (instance.page_pid, instance.api_pid)) + " MiB",
        )
        report.add("load of the machine after", f"{os.getloadavg()[0]:.1f}")
        browser.close()


if __name__ == "__main__":
    main()
