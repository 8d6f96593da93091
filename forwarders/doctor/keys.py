"""Keys, secrets and the store: whether what the pipeline needs to read and write can be read and written."""

from __future__ import annotations

from collections.abc import Iterator

from forwarders.doctor.account import Account
from forwarders.doctor.finding import Finding, found
from forwarders.doctor.pipeline import Pipeline

_LOGS = "logs."


def check_keys(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
    """Findings about KMS keys: of log groups that are covered, of streams, of secrets."""
    used: dict[str, list[str]] = {}
    groups = account.ask("logs", "describe_log_groups").get("logGroups", [])
    for group in groups:
        name = group["logGroupName"]
        ours = name.startswith(f"/logharbor/{pipeline.name}-")
        if "kmsKeyId" in group and (ours or (pipeline.config and pipeline.config.route(name))):
            used.setdefault(group["kmsKeyId"], []).append(f"log group {name}")
    for destination in set(pipeline.destinations.values()):
        if ":kinesis:" in destination:
            answer = account.find("kinesis", "describe_stream_summary", StreamARN=destination) or {}
            key = answer.get("StreamDescriptionSummary", {}).get("KeyId")
            if key:
                used.setdefault(key, []).append(f"stream {destination.rpartition('/')[2]}")
    for function in pipeline.functions:
        if function.settings.get("KMSKeyArn"):
            used.setdefault(function.settings["KMSKeyArn"], []).append(f"function {function.name}")
    for key, users in sorted(used.items()):
        yield from _key(account, key, users)


def _key(account: Account, key: str, users: list[str]) -> Iterator[Finding]:
    where = f"key {key.rpartition('/')[2]} of {users[0]}" + (f" and {len(users) - 1} more" if users[1:] else "")
    answer = account.find("kms", "describe_key", KeyId=key)
    state = answer["KeyMetadata"].get("KeyState", "Enabled") if answer else "gone"
    if state not in ("Enabled", "Updating"):
        yield found("key_unusable", where, f"the key is {state}")
        return
    manager = answer["KeyMetadata"].get("KeyManager", "CUSTOMER") if answer else ""
    if manager == "CUSTOMER" and any(user.startswith("log group") for user in users):
        policy = account.find("kms", "get_key_policy", KeyId=key, PolicyName="default")
        if policy and _LOGS not in str(policy.get("Policy", "")):
            yield found("key_policy", where, "the key's policy does not let CloudWatch Logs use it")


def check_secrets(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
    """Findings about the secrets that pipeline.yaml refers to, without reading one."""
    for reference, kind, where in sorted(_references(pipeline)):
        if reference.startswith("env:"):
            for function in pipeline.of(kind):
                if not function.environment.get(reference[4:]):
                    yield found(
                        "variable_missing", f"{function.name}, {where}", f"the variable {reference[4:]} is not set"
                    )
            continue
        secret = ":secretsmanager:" in reference
        if secret:
            answer = account.find("secretsmanager", "describe_secret", SecretId=reference)
        else:
            name = reference.partition(":parameter")[2]
            filters = [{"Key": "Name", "Values": [name, name.lstrip("/")]}]
            listed = account.ask("ssm", "describe_parameters", ParameterFilters=filters).get("Parameters", ())
            answer = listed[0] if listed else None
        if answer is None or answer.get("DeletedDate"):
            said = "the secret is to be deleted" if answer else "there is no such secret"
            yield found("secret_missing", f"{where}: {reference.rpartition(':')[2]}", said)
            continue
        if secret and not any("AWSCURRENT" in stages for stages in answer.get("VersionIdsToStages", {}).values()):
            yield found("secret_empty", f"{where}: {reference.rpartition(':')[2]}", "the secret has no value")
        key = answer.get("KmsKeyId") or answer.get("KeyId")
        if key and not str(key).startswith("alias/aws/"):
            yield from _key(account, str(key), [f"secret {reference.rpartition(':')[2]}"])


def _references(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    """Each reference, the kind of function that reads it, and where it stands."""
    if pipeline.config is None:
        return
    for name, sink in pipeline.config.sinks.items():
        if sink.secret:
            yield sink.secret, "forward", f"sinks.{name}.secret"
        if sink.prepare_secret:
            yield sink.prepare_secret, "prepare", f"sinks.{name}.prepare_secret"
        if sink.kibana.secret:
            yield sink.kibana.secret, "prepare", f"sinks.{name}.kibana.secret"
    if pipeline.config.redaction.key:
        yield pipeline.config.redaction.key, "forward", "redaction.key"


def check_store(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
    """Findings about the dead-letter bucket."""
    where = pipeline.config.dead_letters if pipeline.config else ""
    if not where.startswith("s3://"):
        if pipeline.config is not None:
            yield found("no_store", "pipeline.yaml: dead_letters", "no bucket is named")
        return
    bucket = where.removeprefix("s3://").partition("/")[0]
    if account.find("s3", "get_bucket_location", Bucket=bucket) is None:
        yield found("store_missing", where, "there is no such bucket")
        return
    blocked = account.find("s3", "get_public_access_block", Bucket=bucket) or {}
    settings = blocked.get("PublicAccessBlockConfiguration", {})
    if not settings or not all(settings.values()):
        yield found("store_public", where, "public access is not blocked in every way")
    rules = account.find("s3", "get_bucket_lifecycle_configuration", Bucket=bucket)
    if rules is None or not rules.get("Rules"):
        yield found("store_for_ever", where, "nothing is ever deleted from it")
