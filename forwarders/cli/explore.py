"""`logharbor explore`: Datasette on the SQLite file, with the questions that the contracts suggest."""

from __future__ import annotations

import click

from forwarders.cli.options import read_contracts, schemas_option


@click.command("explore", short_help="Ask questions of a SQLite file in a browser.")
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@schemas_option
@click.option(
    "--port",
    default=8001,
    show_default=True,
    metavar="PORT",
    type=click.IntRange(0, 65535),
    help="The port on localhost; the next free one if it is taken, any for 0.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open a browser on it.")
def command(path: str, schemas_path: str | None, port: int, open_browser: bool) -> None:
    """Ask questions of the SQLite file at PATH in a browser, until Ctrl-C.

    It is read only, on this machine only. Needs the extra: pip install 'logharbor[explore]'.
    """
    from forwarders.explorer import serve

    serve(path, read_contracts(schemas_path), port=port, open_browser=open_browser)
