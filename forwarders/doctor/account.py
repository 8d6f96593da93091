"""An AWS account, looked at and never changed: every call is a Describe, List or Get, asked once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from forwarders.errors import LogharborError

Ask = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
"""Service, operation (`describe_log_groups`) and parameters -> the whole answer, all its pages in one.
Raises Denied, Missing and Unreachable, and nothing else."""

_READS = re.compile(r"(describe|list|get)_[a-z_]+")


class Denied(LogharborError):
    """AWS does not answer this; `permission` is what the credentials lack, such as `logs:DescribeLogGroups`.

    `code`: AWS's error where it is another than a missing permission.
    """

    def __init__(self, permission: str, code: str = "") -> None:
        told = f"AWS answered {code} to {permission}" if code else f"the permission {permission} is missing"
        super().__init__(told)
        self.permission = permission


class Missing(Denied):
    """What was asked about is not there."""


class Unreachable(LogharborError):
    """AWS cannot be asked at all: no credentials, expired ones, no network."""


class Account:
    """Answers of one account and region, each asked for once."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[bytes, Mapping[str, Any] | LogharborError] = {}

    def ask(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """The answer to one question. Raises as Ask does, and ValueError for what would change something."""
        if not _READS.fullmatch(operation):
            raise ValueError(f"{operation} is no question")
        key = msgspec.json.encode([service, operation, parameters], order="sorted")
        if key not in self._known:
            try:
                self._known[key] = self._ask(service, operation, parameters)
            except Denied as error:
                self._known[key] = error
        known = self._known[key]
        if isinstance(known, LogharborError):
            raise known
        return known

    def find(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Any] | None:
        """As `ask`; None for what is not there."""
        try:
            return self.ask(service, operation, **parameters)
        except Missing:
            return None


def aws(region: str | None, profile: str | None) -> Ask:
    """Asks AWS with the machine's own credentials. Raises Unreachable for a profile or region that is not there."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        session = boto3.Session(region_name=region, profile_name=profile)
        if not session.region_name:
            raise Unreachable("no region: name one with --region, or set AWS_REGION")
    except BotoCoreError as error:
        raise Unreachable(str(error)) from None
    patient = Config(retries={"mode": "adaptive", "total_max_attempts": 10}, connect_timeout=5, read_timeout=30)
    clients: dict[str, Any] = {}

    def ask(service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if service not in clients:
            clients[service] = session.client(cast(Any, service), config=patient)
        return _asked(clients[service], service, operation, parameters)

    return ask


def _asked(client: Any, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        if client.can_paginate(operation):
            return dict(client.get_paginator(operation).paginate(**parameters).build_full_result())
        return dict(getattr(client, operation)(**parameters))
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _EXPIRED:
            raise Unreachable(f"AWS refuses the credentials: {code}") from None
        if code in _DENIED or "AccessDenied" in code:
            raise Denied(f"{service}:{client.meta.method_to_api_mapping[operation]}") from None
        if "NotFound" in code or code in _MISSING:
            raise Missing(f"{service}:{client.meta.method_to_api_mapping[operation]}", code) from None
        raise Denied(f"{service}:{client.meta.method_to_api_mapping[operation]}", code or "an error") from None
    except BotoCoreError as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from None


_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException")
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403")
_MISSING = ("NoSuchBucket", "404", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
