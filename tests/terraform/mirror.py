"""Where Terraform takes the AWS provider from: a folder of the machine that holds it, or the registry."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

PROVIDER = "registry.terraform.io/hashicorp/aws"


def plugin_mirror(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The first folder of the machine that holds the AWS provider as a file-system mirror does; None when none does."""
    named = [environ["TF_PLUGIN_CACHE_DIR"]] if environ.get("TF_PLUGIN_CACHE_DIR") else []
    usual = ["~/.terraform.d/plugins", "/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins"]
    folders = [Path(folder).expanduser() for folder in (*named, *usual)] + sorted(Path("/opt").glob("*"))
    return next((folder for folder in folders if any(folder.glob(f"{PROVIDER}/*"))), None)


def cli_config(folder: Path) -> Path:
    """A CLI configuration in `folder`: the provider is the machine's where it has one, else the registry's."""
    mirror = plugin_mirror()
    settings = folder / "terraform.rc"
    settings.write_text(
        f"provider_installation {{\n  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}\n}}\n"
        if mirror
        else f"plugin_cache_dir = {json.dumps(str(folder))}\n"
    )
    return settings
