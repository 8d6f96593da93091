"""What each check means: how bad it is, why it matters, and what to do. The texts of the doctor, in one place."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """`error`: events are lost, or will be. `warning`: it works, with less safety than it should. `note`: to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Advice(msgspec.Struct, frozen=True):
    """Why something matters, and what to do about it."""

    severity: Severity
    why: str
    do: str


_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

ADVICE = {
    "no_forwarder": Advice(
        _ERROR,
        "Nothing takes events out of this account and region.",
        "Look into the right account and region (--profile, --region), or run `terraform apply`.",
    ),
    "function_failed": Advice(
        _ERROR, "Lambda does not run it, or runs an older one.", "Put right what the reason names, and apply again."
    ),
    "no_contracts": Advice(
        _ERROR, "Without configuration and contracts every invocation fails.", "Run `terraform apply`."
    ),
    "switched_off": Advice(
        _ERROR,
        "Lambda throttles every invocation.",
        "Somebody has switched it off. Set it to what the sink can take, and look for what was lost meanwhile.",
    ),
    "timeout_too_short": Advice(
        _ERROR,
        "Work stops a second before it: there is no time for a sink that answers slowly, and batches come again.",
        "Give it 60 seconds.",
    ),
    "timeout_below_sinks": Advice(
        _WARNING,
        "One slow request uses up all of an invocation, and nothing is tried again in it.",
        "Raise the function's time-out, or lower the sink's `timeout_s`.",
    ),
    "no_bound": Advice(
        _WARNING,
        "Nothing bounds the load on a sink, and a flood of logs takes the account's concurrency from users.",
        "Reserve as many as the sink takes requests at once.",
    ),
    "destination_missing": Advice(
        _ERROR, "CloudWatch drops the events of such a subscription.", "Run `terraform apply`."
    ),
    "no_permission": Advice(
        _ERROR,
        "CloudWatch is refused, switches the filter off for minutes, and the events of that time are gone.",
        "Run `terraform apply`, which makes the permission before the subscription.",
    ),
    "narrow_permission": Advice(
        _WARNING,
        "A group that a glob covers later cannot be subscribed.",
        "Permit arn:aws:logs:REGION:ACCOUNT:log-group:*:* in one statement.",
    ),
    "no_on_failure": Advice(
        _ERROR,
        "After the last try Lambda drops the events without a word.",
        "Set an on-failure destination in S3, which keeps the whole payload.",
    ),
    "on_failure_not_s3": Advice(
        _WARNING,
        "A queue or a topic holds 256 KB or 1 MB of a payload, and of a stream's batch only the sequence numbers.",
        "Set an on-failure destination in S3, which keeps the whole payload.",
    ),
    "no_retries": Advice(_NOTE, "One bad moment sends a payload to on-failure.", "Allow two."),
    "stream_unread": Advice(
        _ERROR, "Events arrive in it and are dropped when its retention ends.", "Run `terraform apply`."
    ),
    "stream_missing": Advice(_ERROR, "No event arrives.", "Run `terraform apply`."),
    "mapping_disabled": Advice(
        _ERROR, "Nothing is read; what is in the stream is dropped when its retention ends.", "Enable it."
    ),
    "mapping_problem": Advice(
        _ERROR,
        "Records wait until it is gone.",
        "A function error is in the function's log; a permission or a key is named in the sentence.",
    ),
    "retries_for_ever": Advice(
        _ERROR,
        "A batch that always fails blocks its shard until the stream's retention ends, and all that is behind it.",
        "Set maximum_record_age_in_seconds (such as 21600) and maximum_retry_attempts.",
    ),
    "no_bisect": Advice(
        _WARNING,
        "One record that breaks the function takes its whole batch to the on-failure destination.",
        "Set bisect_batch_on_function_error.",
    ),
    "no_partial_response": Advice(
        _ERROR,
        "What the function returns to come again never comes again: Lambda takes any answer for success.",
        'Set function_response_types = ["ReportBatchItemFailures"].',
    ),
    "filter_criteria": Advice(
        _ERROR,
        "CloudWatch's records are compressed: no criterion matches them, and what does not match is dropped.",
        "Remove the criteria; to leave events out use `events.exclude` of the sink, which is counted.",
    ),
    "no_batch_window": Advice(
        _NOTE,
        "Each few records are an invocation of their own: more requests to the sinks, more cost.",
        "A window of 5 seconds is a good beginning.",
    ),
    "retention_below_age": Advice(
        _WARNING,
        "What the stream drops goes to no on-failure destination.",
        "Keep records longer than maximum_record_age_in_seconds.",
    ),
    "stream_not_encrypted": Advice(
        _WARNING, "They are what functions wrote, before anything is redacted.", "Give the stream a KMS key."
    ),
    "queue_missing": Advice(_ERROR, "No event arrives.", "Run `terraform apply`."),
    "visibility_too_short": Advice(
        _ERROR,
        "A message is given out a second time while the first is being worked on.",
        "Set the queue's visibility time-out to six times the function's time-out.",
    ),
    "visibility_short": Advice(
        _WARNING,
        "A throttled invocation waits longer than that, and messages come twice.",
        "Set the queue's visibility time-out to six times the function's time-out.",
    ),
    "no_redrive": Advice(
        _ERROR,
        "A message that always fails comes again until its retention ends, and is then gone.",
        "Give the queue a redrive policy.",
    ),
    "no_pipeline": Advice(
        _NOTE,
        "Missing and wrong subscriptions are not looked for.",
        "Name it: logharbor doctor --config pipeline.yaml.",
    ),
    "group_missing": Advice(
        _ERROR,
        "Nothing comes from them; a misspelt name looks just like this.",
        "Correct the route, or create the group.",
    ),
    "group_not_covered": Advice(
        _NOTE,
        "What is written there is seen by nobody who looks at the sinks.",
        "Add a route, or be content that they stay in CloudWatch alone.",
    ),
    "class_not_subscribable": Advice(
        _ERROR,
        "This class knows no subscription filters, so none of their events arrive; a class cannot be changed.",
        "Let the service write into a group of class STANDARD, or take the group out of the route.",
    ),
    "never_expires": Advice(
        _NOTE,
        "CloudWatch keeps (and bills) the events for ever, beside the copy in the sinks.",
        "Set a retention, such as 14 days.",
    ),
    "subscription_missing": Advice(
        _ERROR,
        "None of their events arrive.",
        "Run `terraform apply` for groups that a route names; for globs look into the log of the subscribe function.",
    ),
    "two_filters": Advice(
        _ERROR,
        "A log group has at most two subscription filters: ours cannot be added, and no event arrives.",
        "Remove one of them, or let one of the two read from a stream that several share.",
    ),
    "wrong_destination": Advice(
        _ERROR,
        "Those events do not arrive, and whoever is there gets logs that are not theirs.",
        "Run `terraform apply`; the next sweep puts right what globs cover.",
    ),
    "wrong_lane": Advice(
        _WARNING,
        "A slow sink starves the background lane first: what users wait for should not be there.",
        "Run `terraform apply`; the next sweep puts right what globs cover.",
    ),
    "filter_pattern": Advice(
        _ERROR,
        "CloudWatch drops every event that does not match, before anybody counts it.",
        "Remove the pattern; to leave events out use `events.exclude` of the sink, which is counted.",
    ),
    "no_filter_left": Advice(
        _NOTE,
        "A filter is replaced by deleting first: a renamed one finds no room.",
        "Keep the filter's name, or free the other one before you change it.",
    ),
    "own_log_subscribed": Advice(
        _ERROR,
        "Each batch writes a line that makes another batch: it never ends, and it is billed.",
        "Delete the subscription filter from these groups.",
    ),
    "account_policy_doubles": Advice(
        _WARNING,
        "Every event of a subscribed group comes twice; duplicates cost, and Honeycomb keeps them.",
        "Subscribe by account policy or by log group, not both.",
    ),
    "key_unusable": Advice(
        _ERROR,
        "What is encrypted with it cannot be written or read.",
        "Enable the key or cancel its deletion; a key that is gone takes its data with it.",
    ),
    "key_policy": Advice(
        _ERROR,
        "CloudWatch Logs cannot write or deliver what it cannot encrypt.",
        "Let logs.REGION.amazonaws.com encrypt and decrypt with it, for the account's log groups.",
    ),
    "secret_missing": Advice(
        _ERROR,
        "Without the secret nothing is delivered; everything goes to the store to come again.",
        "Restore it, or correct the reference in pipeline.yaml.",
    ),
    "secret_empty": Advice(
        _ERROR,
        "Without the secret nothing is delivered; everything goes to the store to come again.",
        "Put a value into it: Terraform makes the secret and never its value.",
    ),
    "variable_missing": Advice(
        _ERROR,
        "Without the secret nothing is delivered; everything goes to the store to come again.",
        "Set the variable, or better name a secret by its ARN.",
    ),
    "no_store": Advice(
        _ERROR,
        "A forwarder in Lambda refuses to start without a place for what a sink refuses.",
        "Name one: dead_letters: s3://bucket/prefix.",
    ),
    "store_missing": Advice(
        _ERROR,
        "What a sink refuses cannot be kept, so whole invocations fail and come again.",
        "Run `terraform apply`.",
    ),
    "store_public": Advice(
        _WARNING,
        "Dead letters hold events; a slip in a policy would show them to everybody.",
        "Block all public access.",
    ),
    "store_for_ever": Advice(
        _NOTE,
        "Dead letters hold events, and are kept for ever.",
        "Give the bucket a lifecycle rule, longer than you take to replay.",
    ),
    "metric_filters_full": Advice(
        _ERROR,
        "The next contract with a metric cannot be applied.",
        "Let the forwarder measure (`measured: forwarder`), or spread services over log groups.",
    ),
    "metric_filters_nearly_full": Advice(
        _WARNING,
        "The next contracts with metrics cannot be applied.",
        "Let the forwarder measure (`measured: forwarder`), or spread services over log groups.",
    ),
    "regex_filters_full": Advice(
        _WARNING,
        "Another one is refused.",
        "Compare with a word or a prefix (`ab*`), which needs no regular expression.",
    ),
    "concurrency_headroom": Advice(
        _WARNING,
        "All functions without a reservation share them; another lane cannot be reserved.",
        "Ask AWS for a higher quota, or reserve less.",
    ),
    "delivery_errors": Advice(
        _ERROR,
        "A refusal switches the filter off for up to ten minutes, and the events of that time are gone.",
        "Look for a missing permission, a function or stream that is gone, a key that may not be used.",
    ),
    "delivery_throttling": Advice(
        _WARNING,
        "CloudWatch tries for 24 hours and drops what it then still has.",
        "Give the stream more shards (or on demand), the function more concurrency.",
    ),
    "function_errors": Advice(
        _WARNING,
        "Lambda tries a payload twice more; what still fails goes to the on-failure destination, or is gone.",
        "Look into the function's log, and into the on-failure destination.",
    ),
    "throttles": Advice(
        _WARNING,
        "They are tried again for six hours at most; a lane that is always full loses events then.",
        "Reserve more concurrency, if the sink can take it.",
    ),
    "events_dropped": Advice(
        _ERROR,
        "They were tried for as long as Lambda does it, and are gone but for an on-failure destination.",
        "Look into the on-failure destination, and replay what is there.",
    ),
    "destination_failures": Advice(
        _ERROR,
        "What failed for good could not be written to the on-failure destination, and is gone.",
        "Look at the function's permission for the bucket, and at the bucket's key.",
    ),
    "iterator_age": Advice(
        _WARNING,
        "The forwarder falls behind; what is older than the stream's retention is gone.",
        "Look for a slow sink, a batch that always fails, or too few shards.",
    ),
    "unbalanced": Advice(
        _ERROR,
        "An event has no fate, or two: a bug of Logharbor's. The raw batches are in the dead-letter store.",
        "Run `logharbor audit` on the forwarder's log, and report it.",
    ),
    "dead": Advice(
        _ERROR,
        "The sink refused them for good; they are in the dead-letter store and nowhere else.",
        "Look at the reasons in the receipts, mend the cause, and replay them.",
    ),
    "not_subscribed": Advice(
        _WARNING, "None of their events arrive.", "The reasons are in the log of the subscribe function."
    ),
    "quarantined": Advice(
        _NOTE,
        "They break their contract: they are in the quarantine dataset, and in no metric.",
        "Their owner finds the reasons there.",
    ),
    "blind": Advice(
        _NOTE,
        "What this check would have found is not known.",
        "If a permission is named, grant it: the doctor only ever reads.",
    ),
}
"""Every check by its name, which scripts may rely on."""
