"""Starts Datasette on a file, in this process and on this machine only."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import sys
import webbrowser
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from forwarders.errors import ConfigError
from forwarders.explorer.config import DATABASE, SETTINGS, Explorer, file_uri, look_at
from forwarders.model import Contract

_HERE = Path(__file__).parent
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
PORTS_TRIED = 20


def serve(
    path: str | Path,
    contracts: Iterable[Contract] = (),
    *,
    port: int = 8001,
    host: str = "127.0.0.1",
    open_browser: bool = False,
    ready: Callable[[str], None] = lambda url: print(f"Explore it at {url} (Ctrl-C ends it)", file=sys.stderr),
) -> None:
    """Serves the file until Ctrl-C; `ready` is told the address when it answers.

    A port that is taken makes it try the next ones; 0 takes any. Raises ConfigError when the file is no Logharbor file,
    when no port is free, or when the extra is not installed.
    """
    require_extra()
    import uvicorn

    explorer = look_at(path, contracts)
    listener = _listen(host, port)
    url = f"http://{_shown(host)}:{listener.getsockname()[1]}/"
    with opened(explorer, _LOCAL | {host.lower()}) as datasette:
        app = datasette.app()
        # Ctrl-C must end it though a browser keeps its connections open.
        config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1)
        server = _announcing(uvicorn.Server, config, lambda: _announce(url, ready, open_browser))
        with contextlib.suppress(KeyboardInterrupt), listener:
            server.run(sockets=[listener])


@contextlib.contextmanager
def opened(explorer: Explorer, hosts: frozenset[str] = _LOCAL) -> Iterator[Any]:
    """A Datasette with the file as its one database, and Logharbor's plugin while the context lasts."""
    require_extra()
    from datasette.app import Datasette
    from datasette.plugins import pm

    from forwarders.explorer.plugin import Plugin

    plugin = Plugin(explorer, hosts)
    pm.register(plugin, name=f"logharbor-{id(plugin)}")
    try:
        datasette = Datasette(
            [],
            metadata=explorer.metadata,
            settings=SETTINGS,
            template_dir=str(_HERE / "templates"),
            static_mounts=[("-/static-logharbor", str(_HERE / "static"))],
        )
        database = _database(datasette, explorer.path)
        datasette.add_database(database, name=DATABASE)
        datasette.remove_database("_memory")
        try:
            yield datasette
        finally:
            database.close()
    finally:
        pm.unregister(plugin)


def require_extra() -> None:
    """Datasette and its charts can be imported. Raises ConfigError that says what to install."""
    try:
        import datasette
        import datasette_vega  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        hint = "Install it: pip install 'logharbor[explore]'"
        raise ConfigError("logharbor", "explore", f"no module {error.name}", "Datasette", hint) from error
    del datasette


def _database(datasette: Any, path: str) -> Any:
    from datasette.database import Database

    class ReadOnly(Database):  # type: ignore[misc]
        """Opens the file by a quoted URI: Datasette's own breaks on `?`, `#` and `%` in a name."""

        def connect(self, write: bool = False) -> sqlite3.Connection:
            db = sqlite3.connect(file_uri(path, _mode(path)), uri=True, check_same_thread=False)
            db.execute("PRAGMA query_only = 1")
            self._all_file_connections.append(db)
            return db

    return ReadOnly(datasette, path=path, is_mutable=True)


def _mode(path: str) -> str:
    """Read-only sees what a run still writes, but needs to make the log's index beside the file; where it cannot,
    nobody else can write either."""
    folder = Path(path).absolute().parent
    writable = os.access(folder, os.W_OK)
    return "mode=ro" if writable or Path(f"{path}-wal").exists() else "immutable=1"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    last = min(65_535, port + PORTS_TRIED - 1) if port else 0
    for candidate in range(port, last + 1):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if error.errno not in (98, 48, 10048, 13):  # in use on Linux, macOS, Windows; not allowed
                raise ConfigError(
                    "logharbor explore", "host", f"{host}: {error.strerror}", "an address here"
                ) from error
        else:
            return listener
    expected = "a free port"
    raise ConfigError("logharbor explore", "port", f"{port} to {last} all taken", expected, "Name one with --port.")


def _announcing(server_type: Any, config: Any, announce: Callable[[], None]) -> Any:
    class Announcing(server_type):  # type: ignore[misc]
        """Says so when it answers: not before, so that a browser finds it."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                announce()

    return Announcing(config)


def _announce(url: str, ready: Callable[[str], None], open_browser: bool) -> None:
    ready(url)
    if open_browser:
        webbrowser.open(url)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
