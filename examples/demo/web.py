"""Access logs of the shop's two legacy hosts: nginx on web-01, Apache on web-02, both in the combined format."""

from __future__ import annotations

from random import Random

from .functions import Line
from .story import ATTACKERS, DAY, START_MS, USERS, WORDS, in_incident, incident_instants, instants, mail, visitor_ip

PRODUCTS = ("kettle", "lamp", "desk", "chair", "notebook", "headphones", "backpack", "bicycle-bell", "teapot", "scarf")
BROWSERS: list[str] = WORDS["browsers"]
BOTS: list[str] = WORDS["bots"]
"""Two that say who they are, and two tools."""
SCANNED = ("/wp-login.php", "/.env", "/admin/config.php", "/.git/HEAD", "/phpmyadmin/index.php")
STATIC = ("/static/app.3f9c1e.js", "/static/app.77b0d2.css", "/static/logo.svg", "/favicon.ico", "/static/hero.webp")


def line(address: str, user: str, time_ms: int, request: str, status: int, size: int, referrer: str, agent: str) -> str:
    """One line of the combined format; a size of 0 is written `-`, as Apache does."""
    seconds = (time_ms - START_MS) // 1000
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    stamp = f"{DAY:%d}/Nov/{DAY.year}:{clock} +0000"
    return f'{address} - {user} [{stamp}] "{request}" {status} {size or "-"} "{referrer}" "{agent}"'


def visit(rng: Random, time_ms: int) -> str:
    """One request of a visitor, a bot or a scanner, answered as the shop was able to answer at that time."""
    who = rng.random()
    if who < 0.02:
        request = f"GET {rng.choice(SCANNED)} HTTP/1.1"
        return line(visitor_ip(rng), "-", time_ms, request, 404, 162, "-", rng.choice(BOTS[2:]))
    if who < 0.12:
        request = f"GET /products/{rng.choice(PRODUCTS)}?page={rng.randrange(1, 40)} HTTP/1.1"
        status = rng.choices((200, 304, 404), weights=(80, 12, 8))[0]
        return line(visitor_ip(rng), "-", time_ms, request, status, _size(rng, status), "-", rng.choice(BOTS[:2]))
    method, path = _page(rng)
    status = _status(rng, method, path, time_ms)
    referrer = rng.choice(
        ("-", "https://shop.example.com/", f"https://shop.example.com/products/{rng.choice(PRODUCTS)}")
    )
    protocol = "HTTP/2.0" if rng.random() < 0.7 else "HTTP/1.1"
    user = rng.choice(USERS) if path.startswith("/account") else "-"
    request = f"{method} {path} {protocol}"
    return line(visitor_ip(rng), user, time_ms, request, status, _size(rng, status), referrer, rng.choice(BROWSERS))


def attack(rng: Random, time_ms: int) -> str:
    """One attempt of the attackers at the login."""
    status = rng.choices((401, 503, 504, 429), weights=(52, 28, 12, 8))[0]
    request = "POST /api/v1/login HTTP/1.1"
    return line(rng.choice(ATTACKERS), "-", time_ms, request, status, _size(rng, status), "-", BOTS[3])


def odd(rng: Random) -> list[Line]:
    """Lines that real access logs have and that simple patterns trip over; every one is an access line."""
    lines = []
    for time_ms in instants(rng, 40):
        address, agent, private = visitor_ip(rng), rng.choice(BROWSERS), ""
        request, status, size = rng.choice(
            (
                ("\\x16\\x03\\x01\\x02", 400, 157),
                ("-", 408, 0),
                ("GET /products/café-crème?q=%F0%9F%98%80 HTTP/1.1", 200, 8211),
            )
        )
        dice = rng.random()
        if dice < 0.2:
            agent = 'Mozilla/5.0 \\"quoted\\" agent'
        elif dice < 0.5:
            private = mail(rng)
            request, status, size = f"GET /reset?email={private}&lang=en HTTP/1.1", 302, 0
        text = line(address, "-", time_ms, request, status, size, "-", agent)
        lines.append(Line(time_ms, text, "http.access", planted="odd_request", private=private))
    return lines


def day(rng: Random, visits: int, attempts: int) -> list[Line]:
    """All access lines of a day in the order of their time."""
    lines = [Line(time_ms, visit(rng, time_ms), "http.access") for time_ms in instants(rng, visits)]
    lines += [Line(time_ms, attack(rng, time_ms), "http.access") for time_ms in incident_instants(rng, attempts)]
    return sorted(lines + odd(rng))


def _page(rng: Random) -> tuple[str, str]:
    kind = rng.random()
    if kind < 0.34:
        return "GET", rng.choice(STATIC)
    if kind < 0.62:
        return "GET", f"/products/{rng.choice(PRODUCTS)}"
    if kind < 0.76:
        return "GET", "/"
    if kind < 0.84:
        return "GET", f"/search?q={rng.choice(PRODUCTS)}"
    if kind < 0.89:
        return "POST", "/api/v1/login"
    if kind < 0.94:
        return "POST", "/api/v1/cart"
    if kind < 0.97:
        return "POST", "/api/v1/orders"
    return "GET", f"/account/orders/{rng.randrange(10_000, 99_999)}"


def _status(rng: Random, method: str, path: str, time_ms: int) -> int:
    if in_incident(time_ms) and path.startswith(("/api/", "/account")):
        return rng.choices((200, 500, 502, 503, 504), weights=(40, 8, 12, 26, 14))[0]
    if path.startswith("/static"):
        return rng.choices((200, 304), weights=(55, 45))[0]
    if method == "POST":
        return rng.choices((200, 201, 400, 401, 500), weights=(60, 25, 6, 8, 1))[0]
    return rng.choices((200, 301, 304, 404, 500), weights=(880, 30, 50, 36, 4))[0]


def _size(rng: Random, status: int) -> int:
    if status in (301, 302, 304, 204):
        return 0
    return rng.randrange(120, 600) if status >= 400 else rng.randrange(800, 64_000)
