"""The artefacts of a deployment, made and described in a manifest that Terraform reads."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from forwarders import bundle
from forwarders.building import archive, contents, lock, wheels
from forwarders.building.archive import Archive
from forwarders.building.wheels import Architecture, Install

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 1
RUNTIME = f"python{wheels.PYTHON}"
ALIAS = "live"
"""The alias that sources invoke; to go back to the version before is to point it there."""

LAYER = "layer"
PARTS = (*contents.FUNCTIONS, LAYER)
LAYER_FILE = "contracts-layer.zip"

Tell = Callable[[str], None]


class BuiltFunction(Archive, frozen=True, kw_only=True):
    """A function's zip, its handlers by name, and the versions in it."""

    handlers: Mapping[str, str]
    packages: Mapping[str, str]


class BuiltLayer(Archive, frozen=True, kw_only=True):
    """The contracts layer's zip, and what it was made from.

    `bundle_sha256` is that of bundle.json in hex, which `prepare` is told; `pipeline_sha256` that of pipeline.yaml, so
    that Terraform notices a layer of another one; `contracts` are `event:major`.
    """

    bundle_sha256: str
    pipeline_sha256: str
    contracts: Sequence[str]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside it: files by name, with their hashes. `zlib` is what compressed them."""

    manifest: int = MANIFEST_FORMAT
    runtime: str = RUNTIME
    architecture: Architecture
    alias: str = ALIAS
    bundle_format: int = bundle.FORMAT
    functions: Mapping[str, BuiltFunction] = {}
    layers: Mapping[str, BuiltLayer] = {}
    zlib: str = zlib.ZLIB_RUNTIME_VERSION


class Plan(msgspec.Struct, frozen=True):
    """What to build: where to, from which pipeline.yaml, for which architecture, which parts, and whether `forward`
    sends metrics by OTLP."""

    out: Path
    pipeline: Path
    architecture: Architecture = "arm64"
    parts: Collection[str] = PARTS
    otlp: bool = False


def build(
    plan: Plan,
    bundle_body: Callable[[], bytes],
    *,
    package: Path | None = None,
    install: Install = wheels.install,
    tell: Tell = lambda text: None,
) -> Manifest:
    """The parts lie in `plan.out`, and the manifest beside them; of the parts not named, what it said before.

    `bundle_body` gives the bytes of the checked bundle. Raises ConfigError and BuildError; then the manifest is still
    that of before.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    package = package or Path(bundle.__file__).parent
    before = _before(plan)
    layers = dict(before.layers)
    functions = dict(before.functions)
    if LAYER in plan.parts:
        tell("contracts layer: checking pipeline and contracts")
        layers["contracts"] = _layer(plan, bundle_body())
    beside = sum(made.unzipped_bytes for made in layers.values())
    for name in contents.FUNCTIONS:
        if name in plan.parts:
            functions[name] = _function(name, plan, package, install, tell, beside)
    manifest = Manifest(architecture=plan.architecture, functions=functions, layers=layers)
    body = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2)
    (plan.out / MANIFEST).write_bytes(body + b"\n")
    return manifest


def _layer(plan: Plan, body: bytes) -> BuiltLayer:
    _, contracts = bundle.read(body, str(plan.pipeline))
    made = archive.write(plan.out / LAYER_FILE, contents.layer(body))
    return BuiltLayer(
        **msgspec.structs.asdict(made),
        bundle_sha256=hashlib.sha256(body).hexdigest(),
        pipeline_sha256=hashlib.sha256(plan.pipeline.read_bytes()).hexdigest(),
        contracts=[f"{contract.name}:{contract.major}" for contract in contracts],
    )


def _function(name: str, plan: Plan, package: Path, install: Install, tell: Tell, beside_bytes: int) -> BuiltFunction:
    function = contents.FUNCTIONS[name]
    root = lock.checkout(package)
    locked = root / "uv.lock"
    roots = (*function.packages, *(contents.OTLP if plan.otlp else ()))
    names = lock.closure(locked, roots)
    with tempfile.TemporaryDirectory(prefix="logharbor-build-") as folder:
        target = Path(folder)
        tell(f"{name}: fetching wheels for {plan.architecture} and Python {wheels.PYTHON}")
        install(root, plan.architecture, names, target)
        versions = wheels.check(target, lock.versions(locked), names, plan.architecture)
        missing = sorted({*roots} - set(versions))
        if missing:
            raise wheels.BuildError(f"{', '.join(missing)}: asked for, and not installed. Nothing was built")
        tell(f"{name}: packing {len(versions)} packages")
        files = contents.packages(target) | contents.ours(package, function.without)
    made = archive.write(plan.out / f"{name}.zip", files, beside_bytes)
    return BuiltFunction(**msgspec.structs.asdict(made), handlers=function.handlers, packages=versions)


def _before(plan: Plan) -> Manifest:
    """What the manifest in the folder says of parts that will not be built now, and that are still there unchanged."""
    empty = Manifest(architecture=plan.architecture)
    try:
        before = msgspec.json.decode((plan.out / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, ValueError):
        return empty
    if before.manifest != MANIFEST_FORMAT:
        return empty
    same = before.architecture == plan.architecture
    functions = {name: made for name, made in before.functions.items() if same and _is_there(plan, made)}
    layers = {name: made for name, made in before.layers.items() if _is_there(plan, made)}
    return Manifest(architecture=plan.architecture, functions=functions, layers=layers)


def _is_there(plan: Plan, made: Archive) -> bool:
    try:
        return archive.digest((plan.out / made.file).read_bytes()) == made.sha256
    except OSError:
        return False
