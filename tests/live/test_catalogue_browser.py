"""The catalogue in a real browser, opened from a file: the search, its keys, deep links, narrow and dark windows."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forwarders.contracts.load import read_folder
from forwarders.governance import catalogue, folders

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
ARROW_DOWN, ENTER, ESCAPE = "\ue015", "\ue007", "\ue00c"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
SHOWN = "return [...document.querySelectorAll('#events li:not([hidden]) a.hit')].map((one) => one.textContent)"


class Browser:
    """Chromium, told what to do by WebDriver: https://www.w3.org/TR/webdriver2/."""

    def __init__(self, port: int, profile: Path) -> None:
        self._url = f"http://127.0.0.1:{port}"
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}"]
        wanted = {
            "goog:chromeOptions": {"args": arguments, "binary": shutil.which("chromium")},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._url += f"/session/{session['sessionId']}"

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": "about:blank"})
        self._call("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:
        return self._call("POST", "/execute/sync", {"script": script, "args": arguments})

    def press(self, *keys: str) -> None:
        """Presses keys, as on a keyboard, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def click(self, selector: str) -> None:
        found = self._call("POST", "/element", {"using": "css selector", "value": selector})
        self._call("POST", f"/element/{found[ELEMENT]}/click", {})

    def narrow(self) -> None:
        self.cdp("Emulation.setDeviceMetricsOverride", width=375, height=800, deviceScaleFactor=1, mobile=True)

    def wide(self) -> None:
        self.cdp("Emulation.clearDeviceMetricsOverride")

    def cdp(self, command: str, **parameters: object) -> Any:
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    @property
    def url(self) -> str:
        return str(self._call("GET", "/url"))

    def left_for(self, url: str) -> bool:
        """Whether a key press has led to an address that begins so: the browser goes there in its own time."""
        for _ in range(200):
            if self.url.startswith(url) and self.run("return document.readyState") == "complete":
                return True
            time.sleep(0.05)
        return False

    def complaints(self) -> list[str]:
        """What the console has said since the last time: refused scripts and styles, errors, failed loads."""
        return [one["message"] for one in self._call("POST", "/se/log", {"type": "browser"})]

    def close(self) -> None:
        self._call("DELETE", "")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    missing = next((name for name in ("chromium", "chromedriver") if shutil.which(name) is None), "")
    if missing:
        message = f"no {missing} on PATH (Debian: apt-get install chromium chromium-driver)"
        pytest.fail(message) if os.environ.get("LOGHARBOR_REQUIRE_LIVE") == "1" else pytest.skip(message)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        found = Browser(port, tmp_path_factory.mktemp("profile"))
        yield found
        found.close()
    finally:
        driver.terminate()
        driver.wait(timeout=30)


def written(folder: Path, target: Path) -> str:
    found = catalogue.entries(read_folder(folder), folders.read(str(folder), None, Path()), None, {})
    catalogue.write(target, catalogue.site(found, "Event catalogue"))
    return target.as_uri()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the catalogue of this repository's contracts."""
    return written(ROOT / "schemas", tmp_path_factory.mktemp("catalogue"))


def test_search_finds_by_field_and_by_description(browser: Browser, site: str) -> None:
    """`/` goes to the search; the best event is first, and the fields that were found lead to their place."""
    browser.open(f"{site}/index.html")
    browser.press("/", *"customer.email")
    assert browser.run(SHOWN) == ["order.placed"]
    assert browser.run("return document.querySelector('li:not([hidden]) .why a').getAttribute('href')") == (
        "events/order.placed.v1.html#f-customer.email"
    )
    browser.press(ESCAPE, *"second factor")
    assert browser.run(SHOWN) == ["user.login.success"]
    browser.press(ESCAPE, *"LoginSuccessByMethod")
    assert browser.run(SHOWN) == ["user.login.success"]
    browser.press(ESCAPE)
    assert len(browser.run(SHOWN)) == 12
    browser.press(*"xyzzy")
    assert browser.run("return document.getElementById('said').textContent") == "0 of 12 events"
    assert browser.run("return !document.getElementById('nothing').hidden") is True
    assert browser.complaints() == []


def test_keys_open_what_was_found(browser: Browser, site: str) -> None:
    """Arrows move among what was found, and Enter opens it; Enter in the search opens the first."""
    browser.open(f"{site}/index.html")
    browser.press("/", *"login", ARROW_DOWN, ARROW_DOWN, ENTER)
    assert browser.left_for(f"{site}/events/user.login.success.v1.html")
    browser.open(f"{site}/index.html")
    browser.press("/", *"report", ENTER)
    assert browser.left_for(f"{site}/events/lambda.report.v1.html")
    browser.press("/", *"totals", ENTER)
    assert browser.left_for(f"{site}/index.html")
    assert browser.run(SHOWN)[0] == "order.placed"
    assert browser.complaints() == []


def test_what_was_asked_is_in_the_address(browser: Browser, site: str) -> None:
    """A search with filters can be sent to somebody; a filter alone works too, and an unknown value is no filter."""
    browser.open(f"{site}/index.html#q=user&owner=team-identity")
    assert browser.run(SHOWN) == ["user.login.failure", "user.login.success", "user.password.reset"]
    browser.run("const box = document.getElementById('dataset'); box.value = 'order'; "
                "box.dispatchEvent(new Event('input', {bubbles: true}))")  # fmt: skip
    assert browser.url.endswith("#q=user&owner=team-identity&dataset=order")
    assert browser.run(SHOWN) == []
    browser.click("button[type=reset]")
    browser.open(f"{site}/index.html#owner=nobody")
    assert len(browser.run(SHOWN)) == 12
    assert browser.complaints() == []


def test_a_deep_link_shows_its_field(browser: Browser, site: str) -> None:
    """The field is in sight, below the bar at the top, and marked."""
    browser.open(f"{site}/events/order.placed.v1.html#f-shipping.postal_code")
    top = browser.run("return document.getElementById('f-shipping.postal_code').getBoundingClientRect().top")
    bar = browser.run("return document.querySelector('.top').getBoundingClientRect().bottom")
    assert bar <= top < browser.run("return innerHeight")
    assert browser.run("return document.querySelector('tr:target').id") == "f-shipping.postal_code"
    assert browser.complaints() == []


def test_who_else_has_a_field(browser: Browser, site: str) -> None:
    """The index of fields is narrowed by a name and leads to each event that has it."""
    browser.open(f"{site}/fields.html")
    browser.press("/", *"order.currency")
    shown = "return [...document.querySelectorAll('tbody tr:not([hidden]) .uses a')].map((one) => one.textContent)"
    assert browser.run(shown) == ["order.cancelled", "order.placed"]
    assert browser.complaints() == []


def test_nothing_is_wider_than_a_phone(browser: Browser, site: str) -> None:
    """At 375 pixels no page is scrolled sideways."""
    browser.narrow()
    try:
        for page in ("index.html", "fields.html", "events/order.placed.v1.html", "events/lambda.platform.v1.html"):
            browser.open(f"{site}/{page}")
            assert browser.run("return document.documentElement.scrollWidth") <= 375, page
    finally:
        browser.wide()


CONTRAST = """
const luminance = (color) => {
  const parts = color.match(/[\\d.]+/g).map(Number).slice(0, 3).map((one) => one / 255);
  const [r, g, b] = parts.map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (one) => {
  for (; one; one = one.parentElement) {
    const color = getComputedStyle(one).backgroundColor;
    if (!/, 0\\)$/.test(color)) return color;
  }
  return "rgb(255, 255, 255)";
};
const low = [];
for (const one of document.body.querySelectorAll("*")) {
  const says = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!says || !one.offsetParent) continue;
  const [a, b] = [luminance(getComputedStyle(one).color), luminance(behind(one))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) low.push(`${one.tagName}.${one.className}: ${one.textContent.slice(0, 30)}`);
}
return low;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(scheme: str, browser: Browser, site: str) -> None:
    """Text stands out 4.5 to 1 from what is behind it, light and dark: WCAG 2.2, 1.4.3."""
    browser.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        for page in ("index.html#q=user", "fields.html", "events/user.login.failure.v1.html"):
            browser.open(f"{site}/{page}")
            assert browser.run("return matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")
            assert browser.run(CONTRAST) == []
    finally:
        browser.cdp("Emulation.setEmulatedMedia", features=[])


def test_hostile_contracts_stay_text(browser: Browser, tmp_path: Path) -> None:
    """Nothing that a contract says runs, loads or is refused for trying; searching it is as safe as reading it."""
    evil = written(ROOT / "tests/data/catalogue/schemas", tmp_path)
    for page in ("fields.html", "events/evil.thing.happened.v1.html"):
        browser.open(f"{evil}/{page}")
        assert browser.run("return document.querySelectorAll('script, img, svg, iframe').length") == 1
    browser.open(f"{evil}/index.html")
    browser.press("/", *"onerror")
    assert browser.run(SHOWN) == ["evil.thing.happened"]
    assert browser.run("return document.querySelector('.why').textContent") == 'fields a"b><img src=x onerror=alert(1)>'
    browser.press(ESCAPE, *"__proto__")
    assert browser.run(SHOWN) == ["evil.thing.happened"]
    browser.click(".why a")
    assert browser.run("return document.querySelector('tr:target code').textContent") == "__proto__"
    assert browser.complaints() == []
