"""The dead-letter store: a folder and S3."""

import json

import boto3
import pytest
from moto import mock_aws

from forwarders.deadletters import DeadLetter, StoredBatch, dead_letters, open_store, stored_batch
from forwarders.errors import ConfigError, Transient
from forwarders.model import Origin


def test_an_entry_in_a_folder_is_stored_once_under_its_kind(tmp_path):
    """Storing the same entry twice leaves one file, and no half-written one."""
    store = open_store(str(tmp_path / "letters"))
    store.put("dead", "batch-search.ndjson", b"one\n")
    store.put("dead", "batch-search.ndjson", b"one\n")
    files = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert files == ["letters/dead/batch-search.ndjson"]
    assert (tmp_path / files[0]).read_bytes() == b"one\n"


@pytest.mark.parametrize(
    ("name", "file"), [("../../etc/passwd", "_.._etc_passwd"), (".x", "x"), ("", "_"), ("a/b", "a_b")]
)
def test_no_name_leaves_the_folder(name, file, tmp_path):
    """A name from outside cannot climb out of the store."""
    open_store(str(tmp_path)).put("dead", name, b"")
    assert [path.name for path in (tmp_path / "dead").iterdir()] == [file]


def test_a_folder_that_cannot_be_written_is_transient(tmp_path):
    """Where the folder is a file, the caller learns that nothing was stored."""
    (tmp_path / "letters").write_text("a file")
    with pytest.raises(Transient, match="store_unavailable"):
        open_store(str(tmp_path / "letters")).put("dead", "a", b"")


def test_an_entry_in_s3_lies_under_prefix_and_kind():
    """S3 keys are prefix/kind/name."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="letters")
        open_store("s3://letters/logharbor/", lambda: client).put("returned", "b.json", b"{}")
        listed = client.list_objects_v2(Bucket="letters")["Contents"]
        assert [entry["Key"] for entry in listed] == ["logharbor/returned/b.json"]


def test_s3_out_of_reach_is_transient_and_says_no_more_than_the_kind_of_error():
    """A bucket that is not there is an error that may pass, without the payload in its text."""
    with mock_aws():
        store = open_store("s3://nowhere", lambda: boto3.client("s3", region_name="us-east-1"))
        with pytest.raises(Transient, match=r"^store_unavailable: NoSuchBucket$"):
            store.put("dead", "a", b"secret")


def test_a_bucket_without_a_name_is_refused():
    """`s3://` alone is a mistake in pipeline.yaml."""
    with pytest.raises(ConfigError, match="expected s3://bucket/prefix"):
        open_store("s3://")


def test_what_is_stored_can_be_read_by_anybody():
    """Dead letters are NDJSON; a batch to come again is one JSON object with its payload in base64."""
    letters = dead_letters([DeadLetter("0f", "search", "sink_rejected:x", '{"a":1}')])
    assert json.loads(letters) == {"id": "0f", "sink": "search", "reason": "sink_rejected:x", "copy": '{"a":1}'}
    batch = StoredBatch("b1", Origin("cloudwatch", "1:g:s"), b"\x00raw", {"search": ["0f"]}, "returned")
    assert json.loads(stored_batch(batch)) == {
        "batch": "b1",
        "origin": {
            "source": "cloudwatch",
            "container": "1:g:s",
            "account": "",
            "region": "",
            "log_group": "",
            "log_stream": "",
            "path": "",
        },
        "raw": "AHJhdw==",
        "wanted": {"search": ["0f"]},
        "reason": "returned",
    }
