"""A whole build from a small checkout, with packages that come from nowhere."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from forwarders import bundle
from forwarders.building import lock, wheels
from forwarders.building.build import Manifest, Plan, build
from forwarders.building.wheels import BuildError
from forwarders.errors import ConfigError

BODY = b'{"format": 1, "pipeline": {}, "contracts": [{"name": "a.b", "major": 2, "schema": {}}]}\n'
MORE = BODY.replace(b'"a.b"', b'"a.c"')
REQUIREMENTS = """\
attrs==26.1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
colorama==0.4 ; sys_platform == 'win32' \\
    --hash=sha256:cc
Typing_Extensions==4.16.0 \\
    --hash=sha256:dd
"""


def built(checkout, out, install, body=BODY, **plan) -> Manifest:
    return build(
        Plan(out, checkout / "pipeline.yaml", **plan), lambda: body, package=checkout / "forwarders", install=install
    )


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as packed:
        return packed.namelist()


def test_what_a_build_leaves(checkout, installer, tmp_path) -> None:
    """Three zips and the manifest that describes them; each function has its packages and what those need."""
    manifest = built(checkout, tmp_path / "out", installer())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "contracts-layer.zip",
        "forward.zip",
        "manifest.json",
        "prepare.zip",
    ]
    said = json.loads((tmp_path / "out/manifest.json").read_text())
    assert (said["runtime"], said["architecture"], said["alias"]) == ("python3.13", "arm64", "live")
    assert said["bundle_format"] == bundle.FORMAT
    layer = said["layers"]["contracts"]
    assert layer["contracts"] == ["a.b:2"]
    assert layer["bundle_sha256"] == hashlib.sha256(BODY).hexdigest()
    assert layer["pipeline_sha256"] == hashlib.sha256((checkout / "pipeline.yaml").read_bytes()).hexdigest()
    assert said["functions"]["forward"]["handlers"] == {"forward": "forwarders.handlers.forward.handle"}
    assert sorted(said["functions"]["prepare"]["handlers"]) == ["prepare", "subscribe"]
    assert said["functions"]["forward"]["packages"] == dict.fromkeys(
        ("aws-lambda-powertools", "inner", "isal", "jsonschema-rs", "msgspec", "urllib3", "xxhash"), "1.0"
    )
    assert {"elasticsearch", "jsonschema", "opentelemetry-sdk"} <= set(manifest.functions["prepare"].packages)
    forward = names(tmp_path / "out/forward.zip")
    assert "forwarders/handlers/forward.py" in forward
    assert "inner.py" in forward
    assert not [name for name in forward if "cli" in name or "RECORD" in name or "elasticsearch.py" in name]


def test_two_builds_in_different_folders_are_the_same(checkout, installer, tmp_path) -> None:
    """Byte for byte, manifest and zips."""
    for out in ("one", "two/deeper"):
        built(checkout, tmp_path / out, installer())
    for name in ("forward.zip", "prepare.zip", "contracts-layer.zip", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two/deeper" / name).read_bytes()


def test_a_contract_changes_the_layer_alone_and_code_the_function_alone(checkout, installer, tmp_path) -> None:
    """A new contract deploys no code; new code no contracts; code of `prepare` alone leaves `forward` as it is."""
    first = built(checkout, tmp_path / "out", installer())
    second = built(checkout, tmp_path / "out", installer(), body=MORE)
    assert second.functions == first.functions
    assert second.layers["contracts"].sha256 != first.layers["contracts"].sha256
    (checkout / "forwarders/plan.py").write_text("# changed\n")
    third = built(checkout, tmp_path / "out", installer(), body=MORE)
    assert third.layers == second.layers
    assert third.functions["forward"].sha256 != second.functions["forward"].sha256
    (checkout / "forwarders/handlers/prepare.py").write_text("# new\n")
    (checkout / "forwarders/cli/run.py").write_text("# changed\n")
    fourth = built(checkout, tmp_path / "out", installer(), body=MORE)
    assert fourth.functions["forward"] == third.functions["forward"]
    assert fourth.functions["prepare"].sha256 != third.functions["prepare"].sha256


def test_one_part_alone(checkout, installer, tmp_path) -> None:
    """`--only` makes that part; what the manifest said of the others stays if they are still there, and only then."""
    out = tmp_path / "out"
    alone = built(checkout, out, installer(), parts=("layer",))
    assert (list(alone.functions), list(alone.layers)) == ([], ["contracts"])
    both = built(checkout, out, installer(), parts=("forward",))
    assert (list(both.functions), both.layers) == (["forward"], alone.layers)
    (out / "contracts-layer.zip").write_bytes(b"changed by somebody")
    assert built(checkout, out, installer(), parts=("prepare",)).layers == {}
    other = built(checkout, out, installer(), parts=("layer",), architecture="x86_64")
    assert (other.architecture, list(other.functions)) == ("x86_64", [])


def test_opentelemetry_where_the_pipeline_sends_metrics_by_it(checkout, installer, tmp_path) -> None:
    """Else the forwarder has none of it."""
    without = built(checkout, tmp_path / "out", installer(), parts=("forward",))
    with_it = built(checkout, tmp_path / "out", installer(), parts=("forward",), otlp=True)
    added = set(with_it.functions["forward"].packages) - set(without.functions["forward"].packages)
    assert added == {"opentelemetry-exporter-otlp-proto-http", "opentelemetry-sdk"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"changed": {"msgspec": "1.1"}}, "msgspec 1.1 was installed, and uv.lock says 1.0. Nothing was built"),
        ({"changed": {"unasked": "1.0"}}, "unasked 1.0 was installed, and uv.lock says not to be there"),
        ({"changed": {"unheard-of": "3"}}, "unheard-of 3 was installed, and uv.lock says not to be there"),
        ({"machine": "x86_64"}, "is not for arm64. Nothing was built"),
        ({"leave": "msgspec"}, "msgspec: asked for, and not installed. Nothing was built"),
    ],
)
def test_what_is_not_the_locks_stops_the_build(wrong, said, checkout, installer, tmp_path) -> None:
    """Another version, another package, another architecture: one sentence, and the manifest of before."""
    before = built(checkout, tmp_path / "out", installer(), parts=("layer",))
    with pytest.raises(BuildError, match=said):
        built(checkout, tmp_path / "out", installer(**wrong))
    kept = json.loads((tmp_path / "out/manifest.json").read_text())
    assert (kept["functions"], list(kept["layers"])) == ({}, list(before.layers))


def test_a_package_without_a_lock_cannot_be_built(checkout, installer, tmp_path) -> None:
    """Who has installed a wheel is told to build from a checkout."""
    (checkout / "uv.lock").unlink()
    with pytest.raises(ConfigError, match=r"uv.lock: found no such file, .* build from a checkout of it"):
        built(checkout, tmp_path / "out", installer())
    assert built(checkout, tmp_path / "out", installer(), parts=("layer",)).layers


def test_a_damaged_lock_is_named(checkout, installer, tmp_path) -> None:
    """One sentence that names the file."""
    (checkout / "uv.lock").write_text("version = 1\n[[package")
    with pytest.raises(ConfigError, match=r"uv.lock: \(whole file\): found TOMLDecodeError, expected a lock"):
        built(checkout, tmp_path / "out", installer())


def test_a_bundle_that_is_refused_stops_the_build_before_anything_is_fetched(checkout, tmp_path) -> None:
    """The contracts are checked first: that takes no time."""

    def refuse() -> bytes:
        raise ConfigError("schemas/a.json", "type", "nothing", "object")

    def never(*arguments: object) -> None:
        raise AssertionError

    with pytest.raises(ConfigError, match=r"schemas/a\.json"):
        build(
            Plan(tmp_path / "out", checkout / "pipeline.yaml"), refuse, package=checkout / "forwarders", install=never
        )


def test_of_what_uv_exports_only_what_is_wanted_is_asked_for() -> None:
    """Hashes and markers stay with their package; names are compared as packagers do."""
    assert lock.only(REQUIREMENTS, {"attrs", "typing-extensions"}) == (
        "attrs==26.1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "Typing_Extensions==4.16.0 \\\n    --hash=sha256:dd\n"
    )
    assert lock.only(REQUIREMENTS, {"colorama"}).startswith("colorama==0.4 ; sys_platform == 'win32' \\\n")
    assert lock.only("", {"attrs"}) == ""


def test_uv_is_looked_for_where_it_may_be(tmp_path) -> None:
    """In .cache/uv of the checkout, as `make setup` puts it, when it is nowhere else; one that fails is passed over."""
    for place, code in (("path/uv", 1), (".cache/uv/bin/uv", 0)):
        file = tmp_path / place
        file.parent.mkdir(parents=True)
        file.write_text(f"#!/bin/sh\nexit {code}\n")
        file.chmod(0o755)
    found = wheels.find_uv(tmp_path, path=str(tmp_path / "path"))
    assert found[-1] in (str(tmp_path / ".cache/uv/bin/uv"), "uv")


def test_our_own_lock_has_what_the_functions_need() -> None:
    """Every package that contents.py names is in uv.lock; closures name what only they need."""
    from forwarders.building.contents import FUNCTIONS, OTLP

    locked = Path(bundle.__file__).parents[1] / "uv.lock"
    forward = lock.closure(locked, FUNCTIONS["forward"].packages)
    prepare = lock.closure(locked, FUNCTIONS["prepare"].packages)
    heavy = {"elasticsearch", "jsonschema", "boto3", "opentelemetry-sdk", "rich", "click", "pyyaml", "google-re2"}
    assert not forward & (heavy | {"jinja2", "zstandard", "datasette"})
    assert not prepare & {"boto3", "rich", "click", "pyyaml", "google-re2", "jinja2", "datasette"}
    assert {"elasticsearch", "jsonschema", *OTLP} <= prepare
