"""Secret references to their values, when they are first needed. Floor 1; never at import, never logged.

`env:NAME` is an environment variable. An ARN is asked of the AWS Parameters and Secrets extension's local port where
that answers (no AWS client is imported), else of boto3.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from forwarders.errors import ConfigError, Transient

EXTENSION_PORT = 2773

Fetch = Callable[[str, Mapping[str, str]], bytes | None]
"""GET of a path on the extension's local port: the body of a 200 answer, else None. Raises nothing."""


def resolve(reference: str, environ: Mapping[str, str] = os.environ, fetch: Fetch | None = None) -> str:
    """The value that `reference` names.

    Raises ConfigError when the reference is wrong (an unset variable), Transient when its keeper is out of reach.
    """
    scheme, _, rest = reference.partition(":")
    if scheme == "env":
        value = environ.get(rest)
        if not value:
            raise ConfigError("environment", rest, "nothing", "the secret's value", "Set the variable.")
        return value
    if scheme != "arn":
        raise ConfigError("pipeline.yaml", "secret", f"a string of {len(reference)} characters", "env:NAME or an ARN")
    kind = reference.split(":")[2:3]
    if kind not in (["secretsmanager"], ["ssm"]):
        raise ConfigError("pipeline.yaml", "secret", "an ARN of another service", "a secret or an SSM parameter")
    token = environ.get("AWS_SESSION_TOKEN", "")
    found = (fetch or _extension)(_path(reference, kind[0]), {"X-Aws-Parameters-Secrets-Token": token})
    return _read(found, kind[0]) if found is not None else _ask_aws(reference, kind[0])


def _path(arn: str, kind: str) -> str:
    if kind == "secretsmanager":
        return f"/secretsmanager/get?secretId={quote(arn, safe='')}"
    return f"/systemsmanager/parameters/get?name={quote(arn, safe='')}&withDecryption=true"


def _read(body: bytes, kind: str) -> str:
    try:
        answer = msgspec.json.decode(body)
        value = answer["SecretString"] if kind == "secretsmanager" else answer["Parameter"]["Value"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise Transient("secret_unreadable", type(error).__name__) from None
    return str(value)


def _extension(path: str, headers: Mapping[str, str]) -> bytes | None:
    if "AWS_LAMBDA_RUNTIME_API" not in os.environ:
        return None
    import urllib3

    try:
        answer = urllib3.request(
            "GET", f"http://localhost:{EXTENSION_PORT}{path}", headers=headers, timeout=2.0, retries=False
        )
    except urllib3.exceptions.HTTPError:
        return None
    return answer.data if answer.status == 200 else None


def _ask_aws(arn: str, kind: str) -> str:
    import boto3  # 0.5 s, paid only where the extension is not installed

    try:
        answer: Any
        if kind == "secretsmanager":
            answer = boto3.client("secretsmanager", region_name=arn.split(":")[3]).get_secret_value(SecretId=arn)
            return str(answer["SecretString"])
        answer = boto3.client("ssm", region_name=arn.split(":")[3]).get_parameter(Name=arn, WithDecryption=True)
        return str(answer["Parameter"]["Value"])
    except Exception as error:  # botocore's client errors are made at run time
        raise Transient("secret_unreachable", type(error).__name__) from None
