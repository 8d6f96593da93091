"""Rules about all contracts of a folder together: majors, shared fields, datasets, names of metrics, and the budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from forwarders.contracts.load import is_wire_default
from forwarders.contracts.tree import pointer
from forwarders.errors import ConfigError
from forwarders.governance import lock
from forwarders.governance.lint.finding import ERROR, WARNING, Finding
from forwarders.governance.lint.rules.metrics import cardinality
from forwarders.governance.lint.subject import Subject
from forwarders.governance.policy import FILE as POLICY_FILE
from forwarders.governance.policy import Policy

IDS = (
    "contract-twice", "wire-default", "field-removed", "metric-name", "metric-budget", "field-type", "field-limit",
    "fields-lock",
)  # fmt: skip

WRITE = "run `logharbor schemas lint --write`"


def together(subjects: Sequence[Subject], folder: Path, policy: Policy) -> Iterator[Finding]:
    """Findings that no contract could be told of alone."""
    events: dict[str, list[Subject]] = {}
    for subject in subjects:
        events.setdefault(subject.contract.name, []).append(subject)
    for majors in events.values():
        yield from _majors(majors)
    yield from _metric_names(subjects)
    yield from _budget(subjects, folder, policy)
    datasets = collected(subjects)
    yield from _types(datasets)
    for dataset, fields in datasets.items():
        yield from _limit(dataset, fields, subjects, policy)
    yield from _lock(datasets, folder)


def collected(subjects: Sequence[Subject]) -> lock.Datasets:
    """The fields of all datasets."""
    return lock.collected(
        (
            subject.contract,
            subject.fields.values(),
            str(subject.file),
            {
                field.name: subject.said[field.path][0].at()
                for field in subject.fields.values()
                if field.path in subject.said
            },
        )
        for subject in subjects
    )


def _majors(majors: list[Subject]) -> Iterator[Finding]:
    known: dict[int, Subject] = {}
    for one in majors:
        first = known.setdefault(one.contract.major, one)
        if first is not one:
            message = f"{one.label} is {first.file} already: one file for each event and major"
            yield Finding(str(one.file), "/$id", "contract-twice", ERROR, message)
    ordered = [known[major] for major in sorted(known)]
    flagged = [one for one in ordered if is_wire_default(one.contract)]
    if len(flagged) > 1:
        for one in flagged[1:]:
            message = f"v{flagged[0].contract.major} of {one.contract.name} is the wire default already: flag one major"
            yield Finding(str(one.file), "/x-event/wireDefault", "wire-default", ERROR, message)
    elif not flagged and len(ordered) > 1:
        newest = ordered[-1]
        numbers = " and ".join(f"v{one.contract.major}" for one in ordered)
        message = (
            f"{numbers} of {newest.contract.name}, and none says which is meant by an event without event_version: "
            'add "wireDefault": true to one'
        )
        yield Finding(str(newest.file), "/x-event", "wire-default", ERROR, message)
    for earlier, later in ((a, b) for a in ordered for b in ordered if a.contract.major < b.contract.major):
        for name in earlier.event.get("removed", {}):
            said = later.declared(name)
            if said is not None:
                message = f"{name} was removed from v{earlier.contract.major}: does it mean the same? Else rename it"
                yield Finding(str(later.file), said.at(), "field-removed", WARNING, message)


def _metric_names(subjects: Sequence[Subject]) -> Iterator[Finding]:
    """All metrics lie in one namespace: of two events that write the same one, CloudWatch shows the sum."""
    first: dict[str, Subject] = {}
    for subject in subjects:
        for i, metric in subject.metrics:
            other = first.setdefault(metric["name"], subject)
            if other.contract.name != subject.contract.name:
                message = (
                    f"{metric['name']} is a metric of {other.contract.name} ({other.contract.owner}) already, "
                    f"and would be added up with this one of {subject.contract.owner}: choose another name"
                )
                yield Finding(
                    str(subject.file), pointer(("x-event", "metrics", i, "name")), "metric-name", ERROR, message
                )


def _budget(subjects: Sequence[Subject], folder: Path, policy: Policy) -> Iterator[Finding]:
    budget = policy.metric_budget
    costs: list[tuple[int, Subject]] = []
    for subject in subjects:
        each = [(custom_metrics(subject, metric), i, metric) for i, metric in subject.metrics]
        cost = sum(count for count, _, _ in each)
        costs.append((cost, subject))
        allowed = budget.contracts.get(subject.label, budget.contracts.get(subject.contract.name, budget.per_contract))
        if cost > allowed:
            most, i, metric = max(each, key=lambda one: one[0])
            product = " x ".join(f"{name} {_factor(subject, metric, name):,}" for name in metric.get("dimensions", ()))
            message = (
                f"{subject.label} makes {cost:,} custom metrics, and its budget is {allowed:,}; {metric['name']} alone "
                f"is {most:,} ({product}): take a dimension away, or ask for a budget in {POLICY_FILE}"
            )
            yield Finding(str(subject.file), pointer(("x-event", "metrics", i)), "metric-budget", ERROR, message)
    total = sum(cost for cost, _ in costs)
    if total > budget.total:
        biggest = sorted(costs, key=lambda one: -one[0])[:3]
        most_text = ", ".join(f"{subject.label} ({subject.contract.owner}) {cost:,}" for cost, subject in biggest)
        message = f"all contracts make {total:,} custom metrics, and the budget is {budget.total:,}; most: {most_text}"
        yield Finding(str(folder / POLICY_FILE), "/metric_budget/total", "metric-budget", ERROR, message)


def custom_metrics(subject: Subject, metric: Mapping[str, Any]) -> int:
    """How many custom metrics a rule makes at CloudWatch: the product of what its dimensions may be."""
    product = 1
    for name in metric.get("dimensions", ()):
        product *= _factor(subject, metric, name)
    return product


def _factor(subject: Subject, metric: Mapping[str, Any], name: str) -> int:
    count = cardinality(subject, name) or 1  # what says nothing is a finding of its own
    limit = metric.get("limit")
    if limit is not None:
        return limit + 1 if count < 0 else min(count, int(limit) + 1)
    return max(count, 1)


def _types(datasets: lock.Datasets) -> Iterator[Finding]:
    for dataset, fields in datasets.items():
        for name, uses in fields.items():
            first = next((use for use in uses if use.type != lock.ANY), uses[0])
            for use in uses:
                if use.type not in (first.type, lock.ANY):
                    yield Finding(use.file, use.pointer, "field-type", ERROR, _conflict(dataset, name, use, first))
            for holder in _holders(name):
                if holder in fields and fields[holder][0].type not in ("object", lock.ANY):
                    other = fields[holder][0]
                    message = _conflict(dataset, holder, lock.Use("object", *_rest(first)), other)
                    yield Finding(first.file, first.pointer, "field-type", ERROR, message)


def _rest(use: lock.Use) -> tuple[str, str, str, str]:
    return use.owner, use.contract, use.file, use.pointer


def _holders(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _conflict(dataset: str, name: str, one: lock.Use, other: lock.Use) -> str:
    return (
        f"{name.removeprefix('data.')} is {one.type} here ({one.contract}, {one.owner}) and {other.type} in "
        f"{other.contract} ({other.owner}), and the dataset {dataset} has one type for a field: agree, rename it, "
        "or use another dataset"
    )


def _limit(
    dataset: str, fields: Mapping[str, list[lock.Use]], subjects: Sequence[Subject], policy: Policy
) -> Iterator[Finding]:
    holders = {holder for name in fields for holder in _holders(name)}
    count = len(fields.keys() | holders)
    if count > policy.fields_per_dataset:
        shares = Counter(use.contract for uses in fields.values() for use in uses)
        contract, share = shares.most_common(1)[0]
        file = next(use.file for uses in fields.values() for use in uses if use.contract == contract)
        message = (
            f"the dataset {dataset} has {count:,} fields, and Elasticsearch takes {policy.fields_per_dataset:,} "
            f"(fields_per_dataset in {POLICY_FILE}); {contract} alone has {share:,}: split the dataset, or nest less"
        )
        yield Finding(file, "/x-event/dataset", "field-limit", ERROR, message)


def _lock(datasets: lock.Datasets, folder: Path) -> Iterator[Finding]:
    file = str(folder / lock.FILE)
    try:
        locked = lock.read(folder)
    except ConfigError as error:
        yield Finding(file, "", "fields-lock", ERROR, f"found {error.found}: {WRITE}")
        return
    now = lock.plain(datasets)
    if locked is None:
        if now:
            yield Finding(file, "", "fields-lock", WARNING, f"not there, so nobody sees who shares a field: {WRITE}")
        return
    for dataset, fields in now.items():
        for name, entry in fields.items():
            before = locked.get(dataset, {}).get(name)
            if before is not None and before.get("type") != entry["type"]:
                use = datasets[dataset][name][0]
                owners = ", ".join(map(str, before.get("owners", ())))
                message = (
                    f"{name.removeprefix('data.')} is locked as {before.get('type')} in dataset {dataset} ({owners}), "
                    f"and {use.contract} ({use.owner}) makes it {entry['type']}: what is stored keeps its type. "
                    f"Rename the field; or, if nothing is stored yet, {WRITE}"
                )
                yield Finding(use.file, use.pointer, "fields-lock", ERROR, message)
    lacks = sum(
        locked.get(dataset, {}).get(name) != entry for dataset, fields in now.items() for name, entry in fields.items()
    )
    extra = sum(name not in now.get(dataset, {}) for dataset, fields in locked.items() for name in fields)
    if lacks or extra:
        yield Finding(file, "", "fields-lock", WARNING, f"{lacks} new or changed fields and {extra} gone: {WRITE}")
