"""Zips that depend on nothing but what is in them."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarders.building import archive
from forwarders.errors import ConfigError

FILES = {"b.py": b"b" * 1000, "a/c.py": b"c", "a.py": b""}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    """In any order, in any folder, with any umask."""
    made = []
    for number, files in enumerate((FILES, dict(reversed(FILES.items())))):
        (tmp_path / str(number)).mkdir()
        mask = os.umask(0o077 * number)
        try:
            made.append(archive.write(tmp_path / str(number) / "f.zip", files))
        finally:
            os.umask(mask)
    assert made[0] == made[1]
    assert (tmp_path / "0/f.zip").read_bytes() == (tmp_path / "1/f.zip").read_bytes()


def test_what_is_told_of_a_zip(tmp_path: Path) -> None:
    """Its hash is what AWS calls CodeSha256; sizes are what Lambda counts."""
    made = archive.write(tmp_path / "f.zip", FILES)
    body = (tmp_path / "f.zip").read_bytes()
    sha256 = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert made == archive.Archive("f.zip", sha256, len(body), 1001, 3)
    with zipfile.ZipFile(tmp_path / "f.zip") as packed:
        assert packed.namelist() == ["a.py", "a/c.py", "b.py"]
        assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in packed.infolist()} == {0o100644}
    assert os.listdir(tmp_path) == ["f.zip"]


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?\.py", fullmatch=True), st.binary(max_size=50)))
def test_everything_comes_out_again(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    """A zip holds exactly the files that went in."""
    path = tmp_path_factory.mktemp("zip") / "f.zip"
    archive.write(path, files)
    with zipfile.ZipFile(path) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == files


def test_more_than_lambda_takes_is_refused(tmp_path: Path) -> None:
    """The zip that was there before stays; the sentence says which size is too large."""
    archive.write(tmp_path / "f.zip", FILES)
    with pytest.raises(ConfigError, match=r"f\.zip: unzipped: found 262,14\d,\d+ bytes, expected at most 262,144,000"):
        archive.write(tmp_path / "f.zip", {"a": bytes(1000)}, beside_bytes=archive.MAX_UNZIPPED_BYTES)
    with pytest.raises(ConfigError, match=r"f\.zip: zipped: found"):
        archive.write(tmp_path / "f.zip", {"a": os.urandom(archive.MAX_ZIPPED_BYTES + 1)})
    with zipfile.ZipFile(tmp_path / "f.zip") as packed:
        assert len(packed.namelist()) == 3
    assert os.listdir(tmp_path) == ["f.zip"]
