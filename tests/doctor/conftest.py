"""The scripted accounts of this folder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _module() -> ModuleType:
    path = Path(__file__).with_name("accounts.py")
    spec = importlib.util.spec_from_file_location("doctor_accounts", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["doctor_accounts"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def accounts() -> ModuleType:
    """accounts.py, whatever the import mode."""
    return _module()
