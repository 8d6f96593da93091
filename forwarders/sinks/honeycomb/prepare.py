"""Makes Honeycomb ready by its configuration API: datasets, and columns with types and descriptions.

Nothing is deleted, no type is changed, and a description that somebody wrote stays. Needs a configuration key with
the permissions Create Datasets and Manage Queries and Columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from forwarders.sinks.api import Api
from forwarders.sinks.changes import Answered, Change, Unanswered, Unfit
from forwarders.sinks.honeycomb.columns import MARK, Column, Wanted

_NEEDED = {"createDatasets": "Create Datasets", "columns": "Manage Queries and Columns"}
_NUMBERS = {"integer", "float"}
_SHOWN = 8


def plan(api: Api, wanted: Mapping[str, Wanted]) -> list[Change]:
    """What Honeycomb lacks; nothing when it is ready. Changes nothing.

    Raises Unfit for a key that may not do it, and for a column whose type is another than the contracts'.
    """
    _check_key(api)
    known = _known(api)
    changes = []
    for name, dataset in wanted.items():
        there = known.get(name.lower())
        if there is None:
            changes.append(Change("dataset", name, "is new", {"name": name, "description": dataset.description}))
        elif _ours_to_write(there.get("description"), dataset.description):
            depth = there.get("expand_json_depth", 0)
            body = {"description": dataset.description, "expand_json_depth": depth}
            changes.append(Change("dataset", name, "gets its description", body))
        columns = _columns(api, str(there["slug"])) if there is not None else {}
        changes += _column_changes(name, dataset.columns, columns)
    return changes


def apply(api: Api, change: Change) -> None:
    """One change is made; what is there already is left as it is. Raises api's errors."""
    if change.kind == "dataset" and "name" in change.body:
        api.ask("POST", "/1/datasets", dict(change.body))  # 200: somebody was quicker, which is as good
        return
    slug = str(_known(api)[change.name.lower()]["slug"])
    if change.kind == "dataset":
        api.ask("PUT", f"/1/datasets/{quote(slug, safe='')}", dict(change.body))
        return
    where = f"/1/columns/{quote(slug, safe='')}"
    # Asked again: of many columns some may have been made before Honeycomb asked for a pause.
    there = _columns(api, slug)
    for column in change.body["create"]:
        if column["key_name"] not in there:
            _create(api, where, column)
    for column in change.body["update"]:
        name = column["key_name"]
        body = {**column, "type": there[name]["type"], "hidden": there[name].get("hidden", False)}
        if there[name].get("description") != column["description"]:
            api.ask("PUT", f"{where}/{quote(str(there[name]['id']), safe='')}", body)


def _create(api: Api, where: str, column: Mapping[str, Any]) -> None:
    try:
        api.ask("POST", where, dict(column))
    except Answered as error:
        if error.status != 409:  # an event has made the column meanwhile
            raise


def _check_key(api: Api) -> None:
    answer = api.ask("GET", "/1/auth")
    access = answer.get("api_key_access") if isinstance(answer, dict) else None
    if not isinstance(access, dict):
        raise Unanswered("JSON without 'api_key_access', which is not Honeycomb's")
    if answer.get("type") == "ingest":
        raise Unfit("the key of prepare_secret is an ingest key; a configuration key is needed")
    lacking = [said for name, said in _NEEDED.items() if not access.get(name)]
    if lacking:
        raise Unfit(f"the key of prepare_secret lacks the permission {' and '.join(lacking)}")


def _known(api: Api) -> dict[str, Mapping[str, Any]]:
    """Every dataset of the environment by name, in lower case, and by slug."""
    found = _listed(api.ask("GET", "/1/datasets"), "slug")
    return {dataset["slug"]: dataset for dataset in found} | {
        str(dataset["name"]).lower(): dataset for dataset in found if "name" in dataset
    }


def _columns(api: Api, slug: str) -> dict[str, Mapping[str, Any]]:
    found = _listed(api.ask("GET", f"/1/columns/{quote(slug, safe='')}"), "key_name")
    return {column["key_name"]: column for column in found}


def _listed(answer: Any, member: str) -> list[Mapping[str, Any]]:
    if not isinstance(answer, list) or not all(
        isinstance(item, dict) and isinstance(item.get(member), str) for item in answer
    ):
        raise Unanswered("JSON that is no list of what was asked for")
    return answer


def _column_changes(dataset: str, wanted: Mapping[str, Column], there: Mapping[str, Mapping[str, Any]]) -> list[Change]:
    create, update, unfit = [], [], []
    for name, column in wanted.items():
        actual = there.get(name)
        if actual is None:
            create.append({"key_name": name, "type": column.type, "description": column.description})
            continue
        if column.certain and not _same_type(column.type, str(actual.get("type"))):
            unfit.append(f"{name} is {actual.get('type')}, {column.type} in the contract")
        if _ours_to_write(actual.get("description"), column.description):
            update.append({"key_name": name, "description": column.description})
    if unfit:
        told = "; ".join(unfit[:5]) + (" …" if len(unfit) > 5 else "")
        hint = "A column's type is not changed, as that would lose what it holds: change it in the dataset's schema, "
        raise Unfit(f"columns of dataset {dataset} have another type: {told}. {hint}or give the field another name")
    said = [
        f"{verb} {_names(columns)}"
        for verb, columns in (("adds", create), ("gives a description to", update))
        if columns
    ]
    if not said:
        return []
    return [Change("columns", dataset, "; ".join(said), {"create": create, "update": update})]


def _names(columns: list[dict[str, str]]) -> str:
    names = [column["key_name"] for column in columns]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _same_type(wanted: str, actual: str) -> bool:
    return wanted == actual or {wanted, actual} <= _NUMBERS


def _ours_to_write(actual: Any, wanted: str) -> bool:
    """Whether a description is to be replaced: it is empty, or an older one of ours."""
    text = actual if isinstance(actual, str) else ""
    return text != wanted and (not text.strip() or text.endswith(MARK))


class Prepare(msgspec.Struct):
    """changes.SetUp for one Honeycomb environment."""

    api: Api
    wanted: Mapping[str, Wanted]

    def plan(self) -> list[Change]:
        """See `plan`."""
        return plan(self.api, self.wanted)

    def apply(self, change: Change) -> None:
        """See `apply`."""
        apply(self.api, change)

    def close(self) -> None:
        """The connection is given back."""
        self.api.close()
