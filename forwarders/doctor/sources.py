"""Streams and queues: whether a mapping reads them as it must, so that one bad record does not hold up the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from forwarders.doctor.account import Account
from forwarders.doctor.finding import Finding, found
from forwarders.doctor.pipeline import Function, Pipeline


def check(account: Account, pipeline: Pipeline) -> Iterator[Finding]:
    """Findings about event source mappings of the forwarders, and what they read."""
    read = set()
    for function in pipeline.of("forward"):
        # A mapping of an alias is listed only when the alias is asked for; all of a region are listed without.
        for mapping in account.ask("lambda", "list_event_source_mappings").get("EventSourceMappings", ()):
            arn = str(mapping.get("FunctionArn", ""))
            if arn != function.arn and not arn.startswith(f"{function.arn}:"):
                continue
            source = str(mapping.get("EventSourceArn", ""))
            read.add(source)
            where = f"{function.name} ← {source.rpartition(':')[2]}"
            yield from _alive(mapping, where)
            if ":kinesis:" in source:
                yield from _stream_mapping(mapping, where)
                yield from _stream(account, source, mapping)
            elif ":sqs:" in source:
                yield from _queue(account, source, function, mapping, where)
    for destination in sorted(set(pipeline.destinations.values())):
        if ":kinesis:" in destination and destination not in read:
            yield found(
                "stream_unread", destination.rpartition("/")[2], "no forwarder reads the stream of the subscriptions"
            )


def _alive(mapping: Mapping[str, Any], where: str) -> Iterator[Finding]:
    state = mapping.get("State", "Enabled")
    if state not in ("Enabled", "Creating", "Enabling", "Updating"):
        yield found("mapping_disabled", where, f"the mapping is {state}")
    said = str(mapping.get("LastProcessingResult") or "")
    if said.startswith("PROBLEM"):
        yield found("mapping_problem", where, f"Lambda says {said[:200]}")


def _stream_mapping(mapping: Mapping[str, Any], where: str) -> Iterator[Finding]:
    age, tries = mapping.get("MaximumRecordAgeInSeconds", -1), mapping.get("MaximumRetryAttempts", -1)
    if age == -1 and tries == -1:
        yield found("retries_for_ever", where, "no bound on record age and none on retries")
    if not mapping.get("BisectBatchOnFunctionError"):
        yield found("no_bisect", where, "a failed batch is not halved")
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or ()):
        yield found("no_partial_response", where, "the function's answer is not read")
    destination = (mapping.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination", "")
    if not destination:
        yield found("no_on_failure", where, "no destination for batches that failed for good")
    elif ":s3:" not in destination:
        yield found("on_failure_not_s3", where, f"failed batches go to {destination}")
    if (mapping.get("FilterCriteria") or {}).get("Filters"):
        yield found("filter_criteria", where, "the mapping has filter criteria")
    if mapping.get("MaximumBatchingWindowInSeconds", 0) == 0 and mapping.get("BatchSize", 100) > 10:
        yield found("no_batch_window", where, "no batching window")


def _stream(account: Account, arn: str, mapping: Mapping[str, Any]) -> Iterator[Finding]:
    where = f"stream {arn.rpartition('/')[2]}"
    answer = account.find("kinesis", "describe_stream_summary", StreamARN=arn)
    summary = answer.get("StreamDescriptionSummary", {}) if answer else None
    if not summary:
        yield found("stream_missing", where, "the mapping reads a stream that is not there")
        return
    kept_s = int(summary.get("RetentionPeriodHours", 24)) * 3600
    if mapping.get("MaximumRecordAgeInSeconds", -1) > kept_s:
        yield found("retention_below_age", where, f"records are kept {kept_s // 3600} h, and tried for longer")
    if summary.get("EncryptionType", "NONE") == "NONE":
        yield found("stream_not_encrypted", where, "records are not encrypted at rest")


def _queue(account: Account, arn: str, function: Function, mapping: Mapping[str, Any], where: str) -> Iterator[Finding]:
    name = arn.rpartition(":")[2]
    url = account.find("sqs", "get_queue_url", QueueName=name, QueueOwnerAWSAccountId=arn.split(":")[4])
    answer = url and account.find("sqs", "get_queue_attributes", QueueUrl=url["QueueUrl"], AttributeNames=["All"])
    if not answer:
        yield found("queue_missing", where, "the mapping reads a queue that is not there")
        return
    attributes = answer.get("Attributes", {})
    visible_s = int(attributes.get("VisibilityTimeout", 30))
    if visible_s < function.timeout_s:
        yield found(
            "visibility_too_short",
            where,
            f"messages come back after {visible_s} s, the function may take {function.timeout_s} s",
        )
    elif visible_s < 6 * function.timeout_s:
        yield found(
            "visibility_short",
            where,
            f"messages come back after {visible_s} s, the function may take {function.timeout_s} s",
        )
    redrive = attributes.get("RedrivePolicy", "")
    if not redrive or not msgspec.json.decode(redrive).get("deadLetterTargetArn"):
        yield found("no_redrive", where, "the queue has no dead-letter queue")
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or ()):
        yield found("no_partial_response", where, "the function's answer is not read")
