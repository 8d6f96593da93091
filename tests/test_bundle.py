"""The bundle: one checked file, the same bytes for the same input."""

import msgspec
import pytest

from forwarders import bundle
from forwarders.config import from_plain
from forwarders.contracts.compiled import Contracts
from forwarders.contracts.load import read_folder
from forwarders.errors import ConfigError

CONFIG = from_plain({"environment": "prod", "sinks": {"out": {"type": "stdout"}}}, "pipeline.yaml")


def test_what_went_in_comes_out():
    """Configuration and contracts survive the way through the file."""
    contracts = read_folder("schemas")
    config, entries = bundle.read(bundle.build(CONFIG, contracts), "bundle.json")
    assert config == CONFIG
    assert [c.schema for c in Contracts(entries).all()] == [c.schema for c in contracts]


def test_the_bytes_depend_on_the_content_alone():
    """The order in which contracts are found changes nothing."""
    contracts = read_folder("schemas")
    assert bundle.build(CONFIG, contracts) == bundle.build(CONFIG, contracts[::-1])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"format":99,"new":1}', "b.json: format: found 99, expected 1"),
        (b"not json", "b.json: \\(whole file\\): found JSON is malformed"),
        (b'{"format":1}', "missing required field `pipeline`"),
        (b'{"format":1,"pipeline":{"enviroment":"x"},"contracts":[]}', "enviroment: found an unknown key"),
    ],
)
def test_a_bundle_that_is_not_understood_is_refused(body, message):
    """A form from the future, or no bundle at all, stops the process with a sentence."""
    with pytest.raises(ConfigError, match=message):
        bundle.read(body, "b.json")


def test_it_is_found_on_the_path_or_where_the_variable_says(tmp_path):
    """LOGHARBOR_BUNDLE wins; else the first folder that holds the package."""
    file = tmp_path / bundle.PACKAGE / bundle.FILE
    file.parent.mkdir()
    file.write_bytes(msgspec.json.encode({}))
    assert bundle.find({}, ["/nowhere", str(tmp_path)]) == file
    assert bundle.find({"LOGHARBOR_BUNDLE": str(file)}, []) == file
    with pytest.raises(ConfigError, match="no bundle"):
        bundle.find({}, ["/nowhere"])
    with pytest.raises(ConfigError, match="LOGHARBOR_BUNDLE: found no file"):
        bundle.find({"LOGHARBOR_BUNDLE": "/nowhere"}, [])
