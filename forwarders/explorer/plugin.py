"""Logharbor's plugin for Datasette: cells, SQL functions, time windows and the first page."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from datasette.filters import FilterArguments
from pluggy import HookimplMarker

from forwarders.explorer import cells, front, metrics, window
from forwarders.explorer.config import DATABASE, Explorer
from forwarders.explorer.questions import Question
from forwarders.explorer.window import Window

hookimpl = HookimplMarker("datasette")

Scope = dict[str, Any]
App = Callable[..., Awaitable[None]]


class Plugin:
    """The hooks, for one file. `hosts` are the names under which a browser may ask: another site's name that was
    pointed at this machine (DNS rebinding) is refused."""

    def __init__(self, explorer: Explorer, hosts: frozenset[str]) -> None:
        self.__name__ = "logharbor"  # Datasette asks each plugin for it
        self._explorer = explorer
        self._hosts = hosts
        self._questions = {question.name: question for question in explorer.questions}
        self._views = {view.name: view for view in explorer.views}

    @hookimpl
    def prepare_connection(self, conn: sqlite3.Connection) -> None:
        window.register(conn)
        metrics.register(conn)
        conn.create_function("look", -1, cells.link, deterministic=True)

    @hookimpl
    def render_cell(self, value: object, column: str) -> object:
        return cells.cell(column, value)

    @hookimpl
    def extra_css_urls(self) -> list[str]:
        return ["/-/static-logharbor/explorer.css"]

    @hookimpl
    def extra_body_script(self, request: Any) -> str:
        question = self._question(request.path if request else "")
        if question is None or question.chart is None:
            return ""
        # The chart opens by the address; one that a person has changed stays as it is.
        fragment = json.dumps("#" + question.chart.fragment()).replace("<", "\\u003c")
        return f"if (!location.hash) history.replaceState(null, '', {fragment});"

    @hookimpl
    def filters_from_request(self, request: Any, table: str) -> FilterArguments | None:
        """`_from` and `_to` on tables: people read ISO, the index holds ms."""
        if table != "events" and table not in self._views and table != "receipts":
            return None
        clauses, params = [], {}
        for name, sign in (("_from", ">="), ("_to", "<")):
            at = window.parse(request.args.get(name) or "")
            if at is not None:
                clauses.append(f"time {sign} :lh{name}")
                params[f"lh{name}"] = at
        return FilterArguments(clauses, params=params)

    @hookimpl
    def extra_template_vars(self, request: Any, view_name: str, datasette: Any) -> Any:
        async def variables() -> dict[str, Any]:
            arguments = dict(parse_qsl(request.query_string, keep_blank_values=True)) if request else {}
            current, unread = self._current(arguments)
            found: dict[str, Any] = {
                "lh": self._explorer,
                "lh_window": current,
                "lh_unread": unread,
                "lh_presets": window.presets(self._explorer.window),
                "lh_rewindow": lambda w: self._rewindow(request, w),
                "lh_events": lambda w, **more: self.events(w, **more),
                "lh_view": lambda name, w: self.view(name, w),
                "lh_question": lambda question, w: self.question(question, w),
                "lh_summary": cells.summary,
                "lh_cell": cells.cell,
                "lh_flaws": cells.flaws,
                "lh_utc": cells.utc,
                "lh_around": lambda ms: Window(ms - window.MINUTE, ms + window.MINUTE + 1),
                "lh_groups": self._groups(),
            }
            if view_name == "index":
                database = datasette.get_database(DATABASE)
                found["front"] = await database.execute_fn(lambda db: front.front(db, self._explorer, current))
            return found

        return variables

    @hookimpl
    def asgi_wrapper(self) -> Callable[[App], App]:
        def wrap(app: App) -> App:
            async def guarded(scope: Scope, receive: Any, send: Any) -> None:
                if scope["type"] != "http":
                    await app(scope, receive, send)
                elif self._host(scope) not in self._hosts:
                    await _answer(send, 403, b"This explorer answers to its own address only.\n", [])
                elif (target := self._with_window(scope)) is not None:
                    await _answer(send, 302, b"", [(b"location", target.encode("ascii"))])
                else:
                    await app(scope, receive, send)

            return guarded

        return wrap

    def events(self, current: Window, **more: str) -> str:
        """The address of the events of a window that match `more`."""
        return f"/{DATABASE}/events?" + urlencode({**more, **_underscored(current)})

    def view(self, name: str, current: Window) -> str:
        """The address of a contract's view for a window."""
        return f"/{DATABASE}/{name}?" + urlencode([*_underscored(current).items(), *self._columns(name)])

    def question(self, question: Question, current: Window) -> str:
        """The address of a prepared question for a window, with its chart open."""
        parameters = self._parameters(question, current)
        fragment = f"#{question.chart.fragment()}" if question.chart else ""
        return f"/{DATABASE}/{question.name}?{urlencode(parameters)}{fragment}"

    def _columns(self, view: str) -> list[tuple[str, str]]:
        """The columns to begin with: those that the contract names, else all but the second form of the time."""
        shown = self._explorer.shown.get(view)
        return [("_col", column) for column in shown] if shown else [("_nocol", "time_utc")]

    def _parameters(self, question: Question, current: Window) -> dict[str, str]:
        if question.group == "receipts":
            return self._explorer.receipts_window.iso()
        per = current.per() if question.per == "auto" else question.per
        return current.iso() | ({"per": per} if per else {})

    def _question(self, path: str) -> Question | None:
        return self._questions.get(path.removeprefix(f"/{DATABASE}/"))

    def _groups(self) -> list[tuple[str, list[Question]]]:
        groups: dict[str, list[Question]] = {}
        for question in self._explorer.questions:
            groups.setdefault(question.group, []).append(question)
        return list(groups.items())

    def _current(self, arguments: dict[str, str]) -> tuple[Window, list[str]]:
        """The window that a request asks for, else that of the data; and what of it could not be read."""
        said = [arguments.get(name) or arguments.get(f"_{name}") or "" for name in ("from", "to")]
        read = [window.parse(text) if text else None for text in said]
        unread = [text for text, at in zip(said, read, strict=True) if text and at is None]
        default = self._explorer.window
        start = default.from_ms if read[0] is None else read[0]
        end = default.to_ms if read[1] is None else read[1]
        return Window(start, max(start, end)), unread

    def _rewindow(self, request: Any, new: Window) -> str:
        """The address of this page for another window; what else was asked for stays."""
        pairs = parse_qsl(request.query_string, keep_blank_values=True)
        kept = [(k, v) for k, v in pairs if k not in ("from", "to", "_from", "_to", "_next", "per")]
        question = self._question(request.path)
        if request.path == "/" or question is not None:
            extra = new.iso()
            if question is not None and question.per:
                extra["per"] = new.per()
        else:
            extra = _underscored(new)
        return f"{request.path}?" + urlencode([*kept, *extra.items()])

    def _with_window(self, scope: Scope) -> str | None:
        """Where a page is to be found that was asked for without a time window; None: it has one, or needs none."""
        path, query = scope["path"], scope.get("query_string", b"").decode("latin-1")
        pairs = parse_qsl(query, keep_blank_values=True)
        names = {name for name, _ in pairs}
        if scope["method"] != "GET":
            return None
        if path == f"/{DATABASE}" and "sql" not in names:
            return "/"
        question = self._question(path)
        if question is not None and not names & {"from", "to"}:
            return f"{path}?" + urlencode([*pairs, *self._parameters(question, self._explorer.window).items()])
        table = path.removeprefix(f"/{DATABASE}/")
        if (table == "events" or table in self._views) and not names & {"_from", "_to"}:
            columns = self._columns(table) if table in self._views and not names & {"_col", "_nocol"} else []
            return f"{path}?" + urlencode([*pairs, *_underscored(self._explorer.window).items(), *columns])
        return None

    def _host(self, scope: Scope) -> str:
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return name.strip("[]").lower()


def _underscored(current: Window) -> dict[str, str]:
    return {f"_{name}": value for name, value in current.iso().items()}


async def _answer(send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
