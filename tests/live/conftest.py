"""A real Elasticsearch for the tests of this folder: ELASTICSEARCH_URL names one, else one is started.

Where it cannot be started the tests are skipped and say why; with LOGHARBOR_REQUIRE_LIVE=1 they fail instead.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


def _starter() -> ModuleType:
    path = Path(__file__).with_name("start_elasticsearch.py")
    spec = importlib.util.spec_from_file_location("start_elasticsearch", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def elasticsearch_url() -> Iterator[str]:
    """The URL of a running cluster without security, or as ELASTICSEARCH_URL names it."""
    given = os.environ.get("ELASTICSEARCH_URL")
    if given:
        yield given
        return
    starter = _starter()
    try:
        with starter.running() as url:
            yield url
    except starter.Missing as missing:
        if os.environ.get("LOGHARBOR_REQUIRE_LIVE") == "1":
            pytest.fail(f"LOGHARBOR_REQUIRE_LIVE=1 and {missing}")
        pytest.skip(str(missing))
