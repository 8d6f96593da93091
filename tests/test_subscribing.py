"""Which log groups get a subscription filter, which lose it, and what is never touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.config import Config, from_plain
from forwarders.errors import ConfigError
from forwarders.subscribing import (
    CannotLook,
    Group,
    Refusal,
    Summary,
    Target,
    cover,
    read_target,
    subscribe,
    sweep,
    unsubscribe,
)

USER = "arn:aws:lambda:eu-central-1:123456789012:function:shop-forward-user:live"
BACKGROUND = "arn:aws:lambda:eu-central-1:123456789012:function:shop-forward-background:live"
TARGET = Target("shop", {"user": USER, "background": BACKGROUND})
ROUTES = [
    {"name": "web", "log_groups": ["/legacy/nginx/a", "/legacy/nginx/*"], "lane": "background"},
    {"name": "functions", "log_groups": ["/aws/lambda/*"]},
]


def config(routes: list[dict[str, Any]] = ROUTES) -> Config:
    return from_plain({"routes": routes}, "pipeline.yaml")


COVER = cover(config(), ["/logharbor-canary/shop"])


def long(seconds: float = 60.0) -> Callable[[], float]:
    return lambda: seconds


class FakeLogs:
    """CloudWatch Logs as far as subscriptions go: groups with their class and filters, two a group, in pages.

    `fails` maps an operation and a group to the error codes that come first.
    """

    def __init__(self, *groups: str, page: int = 2) -> None:
        self.filters: dict[str, dict[str, dict[str, str]]] = {group: {} for group in groups}
        self.classes: dict[str, str] = {}
        self.fails: dict[tuple[str, str], list[str]] = {}
        self.calls: list[str] = []
        self.page = page

    def get_paginator(self, operation: str) -> FakeLogs:
        assert operation == "describe_log_groups"
        return self

    def paginate(self) -> Iterator[dict[str, Any]]:
        names = sorted(self.filters)
        for start in range(0, len(names), self.page):
            self._call("list", "")
            listed = [
                {"logGroupName": name, "logGroupClass": self.classes.get(name, "STANDARD"), "creationTime": index}
                for index, name in enumerate(names[start : start + self.page])
            ]
            yield {"logGroups": listed}

    def describe_subscription_filters(self, logGroupName: str) -> dict[str, Any]:
        self._call("describe", logGroupName)
        return {"subscriptionFilters": [dict(one) for one in self.filters[logGroupName].values()]}

    def put_subscription_filter(self, logGroupName: str, **wanted: str) -> None:
        self._call("put", logGroupName)
        there = self.filters[logGroupName]
        if wanted["filterName"] not in there and len(there) == 2:
            raise _error("LimitExceededException")
        there[wanted["filterName"]] = {"logGroupName": logGroupName, **wanted}

    def delete_subscription_filter(self, logGroupName: str, filterName: str) -> None:
        self._call("delete", logGroupName)
        del self.filters[logGroupName][filterName]

    def _call(self, operation: str, group: str) -> None:
        self.calls.append(operation)
        codes = self.fails.get((operation, group))
        if codes:
            code = codes.pop(0)
            raise EndpointConnectionError(endpoint_url="x") if code == "connection" else _error(code)
        if group and group not in self.filters:
            raise _error("ResourceNotFoundException")

    def ours(self, name: str = "shop") -> dict[str, str]:
        """Every group with our filter, and its destination."""
        return {group: there[name]["destinationArn"] for group, there in self.filters.items() if name in there}


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "…"}}, "Operation")


def run(logs: FakeLogs, every: bool = False, deadline: Callable[[], float] = long(), **more: Any) -> Summary:  # noqa: B008
    return sweep(
        logs,
        more.get("cover", COVER),
        more.get("target", TARGET),
        deadline,
        every,
        lambda found: None,
        more.get("settled"),
    )  # type: ignore[arg-type]


def other(name: str = "datadog") -> dict[str, str]:
    return {"filterName": name, "destinationArn": "arn:aws:lambda:x", "filterPattern": "ERROR"}


def test_groups_that_a_glob_covers_are_subscribed_to_their_lane() -> None:
    """The first route that matches decides; a group that a route names is Terraform's; what no route covers is left."""
    logs = FakeLogs("/aws/lambda/a", "/aws/lambda/b", "/legacy/nginx/a", "/legacy/nginx/b", "/other", "/logharbor/x")
    assert run(logs) == Summary(subscribed=3)
    assert logs.ours() == {"/aws/lambda/a": USER, "/aws/lambda/b": USER, "/legacy/nginx/b": BACKGROUND}
    assert run(logs) == Summary(unchanged=3)


def test_our_own_log_groups_are_never_subscribed() -> None:
    """Not even by a glob that covers everything: a forwarder that reads its own log never ends."""
    logs = FakeLogs("/logharbor/shop-forward-user", "/logharbor-canary/shop", "/a")
    everything = cover(config([{"name": "all", "log_groups": ["*"]}]), ["/logharbor-canary/shop"])
    assert run(logs, cover=everything) == Summary(subscribed=1)
    assert logs.ours() == {"/a": USER}


def test_a_name_that_only_looks_like_a_glob() -> None:
    """`[abc]` and `?` are globs; a name with neither is exact, wherever it stands."""
    routes = [{"name": "r", "log_groups": ["/app/?", "/svc/[ab]", "/svc/a"]}]
    logs = FakeLogs("/app/1", "/app/12", "/svc/a", "/svc/b", "/svc/c")
    assert run(logs, cover=cover(config(routes))) == Summary(subscribed=2)
    assert set(logs.ours()) == {"/app/1", "/svc/b"}


def test_other_peoples_filters_stay() -> None:
    """One beside ours is no obstacle; two are, and that is told."""
    logs = FakeLogs("/aws/lambda/a", "/aws/lambda/b")
    logs.filters["/aws/lambda/a"] = {"datadog": other()}
    logs.filters["/aws/lambda/b"] = {"datadog": other(), "splunk": other("splunk")}
    assert run(logs) == Summary(subscribed=1, refused=[Refusal("/aws/lambda/b", "two_filters_already")])
    assert set(logs.filters["/aws/lambda/a"]) == {"datadog", "shop"}
    assert logs.filters["/aws/lambda/b"] == {"datadog": other(), "splunk": other("splunk")}


def test_a_filter_of_ours_that_is_not_as_it_should_be_is_put_right() -> None:
    """Another destination (a changed mode or lane), a pattern that somebody wrote into it."""
    logs = FakeLogs("/aws/lambda/a", "/aws/lambda/b")
    logs.filters["/aws/lambda/a"] = {"shop": {**other("shop"), "filterPattern": ""}, "x": other("x")}
    logs.filters["/aws/lambda/b"] = {"shop": {**TARGET.filter("user"), "filterPattern": "ERROR"}}
    assert run(logs) == Summary(subscribed=2)
    assert run(logs) == Summary(unchanged=2)


def test_a_stream_is_given_with_its_role_and_a_function_without() -> None:
    """AWS refuses the one without and the other with."""
    stream, role = "arn:aws:kinesis:eu-central-1:1:stream/shop", "arn:aws:iam::1:role/shop"
    lanes = Target("shop", {"user": stream, "background": BACKGROUND}, role)
    assert lanes.filter("user")["roleArn"] == role
    assert "roleArn" not in lanes.filter("background")


def test_classes_that_cannot_be_subscribed_are_told() -> None:
    """Infrequent access and delivery know no subscription filters."""
    logs = FakeLogs("/aws/lambda/a", "/aws/lambda/ia", "/other")
    logs.classes = {"/aws/lambda/ia": "INFREQUENT_ACCESS", "/other": "DELIVERY"}
    refused = [Refusal("/aws/lambda/ia", "class_infrequent_access")]
    assert run(logs, every=True) == Summary(subscribed=1, refused=refused)


def test_a_group_that_no_route_covers_any_longer_is_unsubscribed() -> None:
    """Ours alone goes, and only with a destination of ours: another pipeline of the same name keeps its own."""
    logs = FakeLogs("/aws/lambda/a", "/legacy/nginx/b", "/legacy/nginx/c")
    run(logs)
    logs.filters["/legacy/nginx/b"]["datadog"] = other()
    logs.filters["/legacy/nginx/c"] = {"shop": other("shop")}
    narrower = cover(config(ROUTES[1:]))
    assert run(logs, cover=narrower) == Summary(unchanged=1, unsubscribed=1)
    assert logs.filters["/legacy/nginx/b"] == {"datadog": other()}
    assert logs.ours() == {"/aws/lambda/a": USER, "/legacy/nginx/c": "arn:aws:lambda:x"}


def test_what_terraform_subscribes_is_left_alone_whatever_happens() -> None:
    """Its filters have our name: neither a sweep nor a destroy takes them away."""
    logs = FakeLogs("/legacy/nginx/a", "/logharbor-canary/shop", "/aws/lambda/a")
    for group in ("/legacy/nginx/a", "/logharbor-canary/shop"):
        logs.filters[group] = {"shop": TARGET.filter("background"), "shop-user": {**TARGET.filter("user")}}
    before = {group: dict(there) for group, there in logs.filters.items()}
    assert run(logs, every=True) == Summary(subscribed=1)
    assert unsubscribe(logs, COVER, TARGET, long()) == Summary(unsubscribed=1)  # type: ignore[arg-type]
    assert logs.filters == before


def test_a_destroy_takes_away_what_was_subscribed_and_no_more() -> None:
    """Covered or not: our name and our destination."""
    logs = FakeLogs("/aws/lambda/a", "/aws/lambda/b", "/other", "/x")
    run(logs)
    logs.filters["/other"] = {"shop": TARGET.filter("user"), "datadog": other()}
    logs.filters["/x"] = {"shop": other("shop")}
    assert unsubscribe(logs, COVER, TARGET, long()) == Summary(unsubscribed=3)  # type: ignore[arg-type]
    assert logs.filters == {
        "/aws/lambda/a": {},
        "/aws/lambda/b": {},
        "/other": {"datadog": other()},
        "/x": {"shop": other("shop")},
    }


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AccessDeniedException", Summary(subscribed=1, refused=[Refusal("/aws/lambda/a", "access_denied")])),
        ("InvalidParameterException", Summary(subscribed=1, refused=[Refusal("/aws/lambda/a", "destination_refused")])),
        ("SomethingNew", Summary(subscribed=1, refused=[Refusal("/aws/lambda/a", "aws:SomethingNew")])),
        ("OperationAbortedException", Summary(subscribed=1, left=1)),
        ("ServiceUnavailableException", Summary(subscribed=1, left=1)),
        ("connection", Summary(subscribed=1, left=1)),
        ("ThrottlingException", Summary(subscribed=1, left=1)),
        ("ResourceNotFoundException", Summary(subscribed=1)),
    ],
)
@pytest.mark.parametrize("operation", ["describe", "put"])
def test_what_is_refused_for_one_group_stops_no_other(operation: str, code: str, expected: Summary) -> None:
    """The next sweep tries again; a group that was deleted meanwhile is nobody's concern."""
    logs = FakeLogs("/aws/lambda/a", "/aws/lambda/b")
    logs.fails[operation, "/aws/lambda/a"] = [code]
    assert run(logs) == expected
    assert run(logs).refused == []
    assert len(logs.ours()) == 2


def test_a_sweep_that_is_throttled_goes_on_later() -> None:
    """After three groups in vain it leaves AWS alone; the next sweep does the rest."""
    names = [f"/aws/lambda/{n}" for n in range(10)]
    logs = FakeLogs(*names)
    for name in names:
        logs.fails["describe", name] = ["ThrottlingException"]
    assert run(logs) == Summary(left=10)
    assert logs.calls.count("describe") == 3
    while (done := run(logs)).left:
        assert done.refused == []
    assert len(logs.ours()) == 10


def test_a_sweep_that_runs_out_of_time_says_what_is_left() -> None:
    """And the newest groups came first."""
    logs = FakeLogs(*(f"/aws/lambda/{n}" for n in range(5)), page=50)
    seconds = iter([2.0, 1.0, 0.0])
    assert run(logs, deadline=lambda: next(seconds)) == Summary(subscribed=2, left=3)
    assert set(logs.ours()) == {"/aws/lambda/4", "/aws/lambda/3"}


def test_a_large_account_is_done_in_a_few_sweeps() -> None:
    """What a process has seen in order comes last: no sweep spends its time on what another has done."""
    logs = FakeLogs(*(f"/aws/lambda/{n:04}" for n in range(2000)), page=50)
    settled: set[Group] = set()
    sweeps = []
    while not sweeps or sweeps[-1].left:
        start = len(logs.calls)
        sweeps.append(run(logs, deadline=lambda start=start: 1000 - (len(logs.calls) - start), settled=settled))
    assert sum(done.subscribed for done in sweeps) == len(logs.ours()) == 2000
    assert len(sweeps) <= 6
    assert run(logs, settled=settled) == Summary(unchanged=500)


def test_a_group_that_was_deleted_and_made_again_is_new() -> None:
    """It has a filter no longer, whatever an earlier sweep saw."""
    logs = FakeLogs("/aws/lambda/a")
    settled = {Group("/aws/lambda/a", created_ms=7)}
    assert run(logs, settled=settled) == Summary(subscribed=1)
    logs.filters["/aws/lambda/a"] = {}
    assert run(logs, settled=settled) == Summary(subscribed=1)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "connection"])
def test_groups_that_cannot_be_listed(code: str) -> None:
    """An account that cannot be read is not taken for an empty one."""
    logs = FakeLogs("/a", "/b", "/c")
    logs.fails["list", ""] = [code]
    with pytest.raises(CannotLook, match="log groups cannot be listed: "):
        run(logs)
    assert logs.ours() == {}


def test_one_new_group() -> None:
    """As CloudTrail tells of it: one look, one filter."""
    logs = FakeLogs("/aws/lambda/new", "/aws/lambda/old")
    assert subscribe(logs, Group("/aws/lambda/new"), COVER, TARGET) == Summary(subscribed=1)  # type: ignore[arg-type]
    assert logs.calls == ["describe", "put"]
    for group in (Group("/other"), Group("/logharbor/x"), Group("/legacy/nginx/a")):
        assert subscribe(logs, group, COVER, TARGET) == Summary()  # type: ignore[arg-type]
    assert subscribe(logs, Group("/aws/lambda/new", "DELIVERY"), COVER, TARGET).refused == [  # type: ignore[arg-type]
        Refusal("/aws/lambda/new", "class_delivery")
    ]


GROUPS = ["/aws/lambda/a", "/aws/lambda/b", "/legacy/nginx/a", "/legacy/nginx/b", "/other", "/logharbor/l"]
NAMES = st.sampled_from(GROUPS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), NAMES),
        st.tuples(st.just("delete"), NAMES),
        st.tuples(st.just("foreign"), NAMES),
        st.tuples(st.sampled_from(["sweep", "event"]), NAMES),
        st.tuples(st.just("throttle"), NAMES),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_whatever_happens_a_sweep_ends_in_the_right_state(steps: list[tuple[str, str]]) -> None:
    """Every covered group has exactly one filter of ours, no other group has any, and nobody else's was changed."""
    logs = FakeLogs()
    foreign: dict[str, dict[str, Mapping[str, str]]] = {}
    for step, name in steps:
        if step == "create":
            logs.filters.setdefault(name, {})
        elif step == "delete":
            logs.filters.pop(name, None)
            foreign.pop(name, None)
        elif step == "foreign" and name in logs.filters and not logs.filters[name]:
            logs.filters[name]["datadog"] = other()
            foreign.setdefault(name, {})["datadog"] = other()
        elif step == "event":
            subscribe(logs, Group(name), COVER, TARGET)  # type: ignore[arg-type]
        elif step == "throttle":
            logs.fails["describe", name] = ["ThrottlingException"]
        else:
            run(logs, every=True)
    logs.fails.clear()
    run(logs, every=True)
    for group, there in logs.filters.items():
        lane = COVER.lane(group)
        ours = {"shop": {"logGroupName": group, **TARGET.filter(lane)}} if lane else {}
        assert there == {**foreign.get(group, {}), **ours}
    assert run(logs, every=True).subscribed == 0
    unsubscribe(logs, COVER, TARGET, long())  # type: ignore[arg-type]
    assert logs.ours() == {}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "environment: LOGHARBOR_FILTER_NAME: found nothing, expected the name of the subscription filters"),
        ({"LOGHARBOR_FILTER_NAME": "shop"}, "environment: LOGHARBOR_DESTINATIONS: found a string of 0 characters"),
        (
            {"LOGHARBOR_FILTER_NAME": "shop", "LOGHARBOR_DESTINATIONS": '{"user": "x"}'},
            "environment: LOGHARBOR_DESTINATIONS: found a string of 13 characters",
        ),
        (
            {"LOGHARBOR_FILTER_NAME": "shop", "LOGHARBOR_DESTINATIONS": f'{{"user": "{USER}"}}'},
            "Each lane needs a destination",
        ),
    ],
)
def test_a_wrong_environment_is_told(environ: dict[str, str], message: str) -> None:
    """Before anything is done."""
    with pytest.raises(ConfigError) as caught:
        read_target(environ, COVER.lanes())
    assert message in str(caught.value)
