"""`python -m tests.e2e`: the run; `--keep` leaves what it has started, `--stop FOLDER` ends that.

Exit codes: 0 everything held, 1 something did not, 2 something has to be installed first.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import FrameType

from forwarders.building import wheels

from . import asserted, children, machine, stack, steps
from .example import Example, copy_checkout
from .failed import Failed, Missing
from .report import Report

NOTE = "running.json"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="make e2e", description="Both examples on this machine, from apply to destroy."
    )
    parser.add_argument("--keep", action="store_true", help="leave it applied and running, and print the addresses")
    parser.add_argument("--stop", type=Path, metavar="FOLDER", help="end what an earlier run with --keep has left")
    told = parser.parse_args()
    if told.stop:
        return stop(told.stop)
    for name in _ENDING:
        signal.signal(name, _interrupt)
    stack.isolate()
    try:
        machine.look()
        return run(told.keep)
    except Missing as missing:
        print(f"make e2e: {missing}", file=sys.stderr)
        return 2


def run(keep: bool) -> int:
    """The whole run in a temporary folder, which goes when everything held and nothing is kept."""
    report, started = Report(), children.Children()
    folder = Path(tempfile.mkdtemp(prefix="logharbor-e2e-"))
    folder.chmod(0o755)  # Elasticsearch's own user looks into it
    held, no_logs, up = False, False, list[stack.Stack]()
    try:
        _whole(folder, report, started, keep, up)
        held = True
    except Failed as failed:
        report.failed(failed)
    except Missing:
        no_logs = True
        raise
    except KeyboardInterrupt:
        print("\nmake e2e: interrupted; ending what was started", file=sys.stderr)
        no_logs = True
        up.clear()
    finally:
        kept = keep and bool(up)
        if kept:
            _leave(folder, up[0], started)
        else:
            started.end()
        if not kept:
            shutil.rmtree(folder if held or no_logs else folder / "aws", ignore_errors=True)
        if not held and not no_logs:
            print(f"  all logs: {folder / 'logs'}", file=sys.stderr)
    print(f"\n{'Everything held' if held else 'NOT everything held'}: {report.held} assertions, {report.took():.0f} s")
    return 0 if held else 1


def _whole(folder: Path, report: Report, started: children.Children, keep: bool, running: list[stack.Stack]) -> None:
    interpreter, version = machine.python()
    with report.step("setup", "local AWS installed, in an environment of its own") as said:
        functions = machine.environment(interpreter, version)
        said.append(f"functions run with Python {version} ({machine.architecture()})")
        if version != wheels.PYTHON:
            said.append(f"no Python {wheels.PYTHON} here, which Lambda has: built for {version} instead")
    aws = stack.begin(folder, functions, started)
    environ = stack.environ(aws, folder)
    examples = [Example(name, folder, environ, started, version) for name in ("smallest", "production")]
    first, second = examples
    with report.step("setup", "functions built") as said:
        copy_checkout(first.root)
        first.derive()
        first.build("forward", "prepare")
        said += [f"{one['file']} {one['zipped_bytes']:,} B" for one in first.manifest["functions"].values()]
    with report.step("setup", "local AWS, Elasticsearch, Kibana and Honeycomb are up") as said:
        up = stack.wait(folder, aws)
        running.append(up)
        steps.prepare_account(up)
        said.append(f"{up.aws}, {up.elasticsearch}")
    with report.step("setup", "filters and contracts layers built, terraform initialised"):
        second.take_functions_of(first)
        for example in examples:
            example.point_at(up)
            example.derive()
            example.build("layer")
            example.initialise()
    _together(
        lambda: steps.smallest(up, first, report, keep),
        lambda: steps.production(up, second, report, keep),
        started=started,
        broken=lambda: asserted.save_logs(up),
    )
    if not keep:
        steps.nothing_is_left(up, examples, report)


def _together(*work: Callable[[], None], started: children.Children, broken: Callable[[], None]) -> None:
    """Both at once; when one fails the other is ended. Raises what the first raised."""
    with ThreadPoolExecutor(len(work)) as pool:
        waiting: set[Future[None]] = {pool.submit(one) for one in work}
        try:
            done, _ = wait(waiting, return_when=FIRST_EXCEPTION)
            errors = [error for one in done if (error := one.exception())]
        except BaseException:
            started.end(but_services=True)
            raise
        if errors:
            broken()
            started.end(but_services=True)
            error = errors[0]
            if not isinstance(error, Failed):
                traceback.print_exception(error)
                raise Failed(f"{type(error).__name__}: {error}")
            raise error


def _leave(folder: Path, up: stack.Stack, started: children.Children) -> None:
    """What runs is noted for `--stop`, and told."""
    (folder / NOTE).write_text(json.dumps(started.pids()))
    print(f"""
left running, as KEEP=1 asks:
  AWS            {up.aws}   (account {stack.ACCOUNT}, region {stack.REGION}, credentials test/test)
  Elasticsearch  {up.elasticsearch}
  Kibana         {up.kibana}   (scripted; /e2e/stored shows what it has)
  Honeycomb      {up.honeycomb}   (scripted; /e2e/stored shows what it has)
  applied        {folder}/checkout/examples/smallest and …/production
to look: export AWS_ENDPOINT_URL={up.aws} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION={stack.REGION}
to end it: {sys.executable} -m tests.e2e --stop {folder}""")


def stop(folder: Path) -> int:
    """Nothing that was left there runs any more, and the folder is gone."""
    note = folder / NOTE
    if not note.exists():
        print(f"make e2e: {note} is not there: {folder} is no folder that KEEP=1 has left", file=sys.stderr)
        return 2
    for group in json.loads(note.read_text()).values():
        children.end(group, patience_s=children.PATIENCE_S)
    shutil.rmtree(folder)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Once: what ends a run is not interrupted itself."""
    for name in _ENDING:
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
