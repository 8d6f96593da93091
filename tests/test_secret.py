"""Secret references become values, and nothing but the value."""

import json

import boto3
import pytest
from moto import mock_aws

from forwarders.errors import ConfigError, Transient
from forwarders.secret import resolve

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:es-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/logharbor/es"


def test_a_variable_is_read():
    """env:NAME is the variable's value."""
    assert resolve("env:KEY", {"KEY": "abc"}) == "abc"


def test_an_unset_variable_is_named():
    """The error says which variable to set."""
    with pytest.raises(ConfigError, match="environment: KEY: found nothing"):
        resolve("env:KEY", {})


@pytest.mark.parametrize(
    ("reference", "body", "path"),
    [
        (ARN, {"SecretString": "s3"}, "/secretsmanager/get?secretId=arn%3Aaws%3Asecretsmanager%3Aeu-west-1"),
        (PARAMETER, {"Parameter": {"Value": "s3"}}, "/systemsmanager/parameters/get?name=arn%3Aaws%3Assm"),
    ],
)
def test_the_extension_is_asked_first(reference, body, path):
    """Where the extension answers, no AWS client is needed; it is shown the session token."""
    asked = []

    def fetch(path, headers):
        asked.append((path, headers))
        return json.dumps(body).encode()

    assert resolve(reference, {"AWS_SESSION_TOKEN": "t"}, fetch) == "s3"
    assert asked[0][0].startswith(path)
    assert asked[0][1] == {"X-Aws-Parameters-Secrets-Token": "t"}


def test_an_answer_that_is_not_understood_is_transient():
    """Rubbish from the extension is no secret."""
    with pytest.raises(Transient, match="secret_unreadable"):
        resolve(ARN, {}, lambda path, headers: b"<html>")


def test_without_the_extension_aws_is_asked(monkeypatch):
    """boto3 reads the secret where the extension is not installed."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="eu-west-1")
        arn = client.create_secret(Name="es", SecretString="value")["ARN"]
        assert resolve(arn, {}, lambda path, headers: None) == "value"
        with pytest.raises(Transient, match=r"^secret_unreachable: ResourceNotFoundException$"):
            resolve(ARN, {}, lambda path, headers: None)


@pytest.mark.parametrize("reference", ["abc", "arn:aws:s3:::bucket", ""])
def test_what_is_no_reference_is_refused(reference):
    """A secret's value where a reference belongs is refused without being quoted."""
    with pytest.raises(ConfigError) as caught:
        resolve(reference, {})
    assert "abc" not in str(caught.value)
