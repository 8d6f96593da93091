"""What is in each zip: which packages, which of our own modules, and which files of them are left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from forwarders import bundle

PACKAGE = "forwarders"


class Function(msgspec.Struct, frozen=True):
    """A function's zip: the packages it needs, the parts of ours that it does not, and the handlers in it, by name."""

    packages: tuple[str, ...]
    without: tuple[str, ...]
    handlers: Mapping[str, str]


_HOT = ("aws-lambda-powertools", "isal", "jsonschema-rs", "msgspec", "urllib3", "xxhash")
OTLP = ("opentelemetry-exporter-otlp-proto-http", "opentelemetry-sdk")
_PEOPLE = ("audit.py", "building", "cli", "doctor", "explorer", "governance", "testing")
_CHECKING = ("contracts/annotations.schema.json", "contracts/check.py", "contracts/explain.py", "contracts/shared.py")

FUNCTIONS: Mapping[str, Function] = {
    "forward": Function(
        _HOT,
        (
            *_PEOPLE,
            *_CHECKING,
            "deriving.py",
            "handlers/prepare.py",
            "handlers/subscribe.py",
            "preparing",
            "subscribing.py",
        ),
        {"forward": "forwarders.handlers.forward.handle"},
    ),
    "prepare": Function(
        (*_HOT, *OTLP, "elasticsearch", "jsonschema"),
        (*_PEOPLE, *_CHECKING),
        {"prepare": "forwarders.handlers.prepare.handle", "subscribe": "forwarders.handlers.subscribe.handle"},
    ),
}
"""boto3 is the runtime's own: what needs it imports it when something is wrong, or off the hot path."""

_NOT_RUN = {".pyi", ".pyc", ".pyx", ".pxd", ".c", ".h"}
_NOT_READ = {"INSTALLER", "RECORD", "REQUESTED", "WHEEL", "direct_url.json", "top_level.txt", "uv_cache.json"}
_NOT_PACKAGES = {"bin", "include", "share", "__pycache__"}
_TESTS = {"test", "tests"}


def packages(target: Path) -> dict[str, bytes]:
    """What Lambda needs of packages that lie in `target`: no tests, type stubs, scripts, compiled files or records of
    the installation. Licences, metadata and entry points stay."""
    found: dict[str, bytes] = {}
    for path in _files(target):
        name = path.relative_to(target)
        if not _is_left_out(PurePosixPath(name.as_posix())):
            found[name.as_posix()] = path.read_bytes()
    return found


def ours(package: Path, without: Collection[str]) -> dict[str, bytes]:
    """Our own modules in the folder `package`, but for `without` (files or folders in it)."""
    found: dict[str, bytes] = {}
    for path in _files(package):
        name = PurePosixPath(path.relative_to(package).as_posix())
        left_out = {str(name), *map(str, name.parents)} & set(without)
        if not left_out and "__pycache__" not in name.parts and name.suffix != ".pyc":
            found[f"{PACKAGE}/{name}"] = path.read_bytes()
    return found


def layer(body: bytes) -> dict[str, bytes]:
    """The contracts layer: the bundle as package data of `logharbor_bundle`, under the folder that Lambda puts on
    sys.path."""
    folder = f"python/{bundle.PACKAGE}"
    return {f"{folder}/__init__.py": b"", f"{folder}/{bundle.FILE}": body}


def _files(folder: Path) -> Iterator[Path]:
    """Every file but hidden ones: uv's lock, what an editor leaves."""
    return (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _is_left_out(name: PurePosixPath) -> bool:
    if name.parts[0] in _NOT_PACKAGES or "__pycache__" in name.parts or name.suffix in _NOT_RUN:
        return True
    if name.name == "py.typed" or _TESTS & set(name.parts[:-1]):
        return True
    return name.parts[0].endswith(".dist-info") and len(name.parts) == 2 and name.name in _NOT_READ
