"""The set-up half of an Elasticsearch sink: the cluster through its official client, and Kibana where one is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from forwarders.config import SinkConfig
from forwarders.errors import ConfigError
from forwarders.sinks.api import Api
from forwarders.sinks.changes import Answered, Change, SetUp, Unanswered, Unfit
from forwarders.sinks.elasticsearch import kibana, prepare
from forwarders.sinks.elasticsearch.ship import authorization, cloud, server
from forwarders.sinks.elasticsearch.templates import Dataset
from forwarders.sinks.http import endpoint

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_MAX_REASON = 300


class Cluster:
    """changes.SetUp for one cluster and its Kibana."""

    def __init__(
        self,
        name: str,
        client: Elasticsearch,
        datasets: Sequence[Dataset],
        environment: str,
        views: Api | None = None,
        space: str = "",
        anonymous: bool = False,
    ) -> None:
        self._name, self._client, self._datasets, self._environment = name, client, datasets, environment
        self._views, self._space, self._anonymous = views, space, anonymous

    def plan(self) -> list[Change]:
        """Templates and streams first, then data views; refused as a whole when a privilege is missing."""
        with _told():
            changes = prepare.plan(self._client, self._datasets, self._name)
            missing = [] if self._anonymous else prepare.missing_privileges(self._client, changes)
        if missing:
            raise Unfit(f"its credentials lack {', '.join(missing[:5])}")
        if self._views is not None:
            names = [dataset.name for dataset in self._datasets]
            with _kibana():
                changes += kibana.plan(self._views, names, self._environment, self._space)
        return changes

    def apply(self, change: Change) -> None:
        """One change of either is made."""
        if change.kind == "data_view":
            assert self._views is not None
            with _kibana():
                kibana.apply(self._views, change, self._space)
            return
        with _told():
            prepare.apply(self._client, [change])

    def close(self) -> None:
        """The connections are given back."""
        self._client.close()
        if self._views is not None:
            self._views.close()


def open_cluster(
    name: str, settings: SinkConfig, environment: str, datasets: Sequence[Dataset], secret: Callable[[str], str]
) -> SetUp:
    """The set-up half of a sink, with its secrets read and nothing connected. Raises ConfigError and Transient."""
    reference = settings.prepare_secret or settings.secret
    credentials = authorization(settings.auth, secret(reference)) if reference else {}
    target = (
        cloud(settings.cloud_id, settings.ca_file, settings.fingerprint)
        if settings.cloud_id
        else server(name, settings.endpoint, settings.ca_file, settings.fingerprint)
    )
    views = None
    if settings.kibana.endpoint:
        own = settings.kibana
        credentials_there = authorization(settings.auth, secret(own.secret)) if own.secret else credentials
        try:
            there = endpoint(own.endpoint, own.ca_file, own.fingerprint)
        except ValueError as error:
            raise ConfigError("pipeline.yaml", f"sinks.{name}.kibana.endpoint", str(error), "a URL") from None
        views = Api(there, {**credentials_there, **kibana.XSRF})
    client = prepare.client(target, credentials)
    return Cluster(name, client, datasets, environment, views, settings.kibana.space, not credentials)


@contextmanager
def _kibana() -> Iterator[None]:
    """Kibana's errors, with its name."""
    try:
        yield
    except Answered as error:
        raise Answered(error.status, f"{error.said} (Kibana)", error.wait_s) from error
    except Unanswered as error:
        raise Unanswered(f"{error} (Kibana)") from error


@contextmanager
def _told() -> Iterator[None]:
    """The client's errors as Answered and Unanswered."""
    from elasticsearch import ApiError, TransportError, UnsupportedProductError

    try:
        yield
    except ApiError as error:
        said = str(error.message)
        if not isinstance(error, UnsupportedProductError):
            said = f"{error.status_code}" + (f" {error.message}" if error.body else "")
        detail = error.body.get("error") if isinstance(error.body, dict) else None
        if isinstance(detail, dict) and detail.get("reason"):
            said += f": {str(detail['reason'])[:_MAX_REASON]}"
        raise Answered(error.status_code, said) from error
    except TransportError as error:
        raise Unanswered(f"{type(error).__name__}: {str(error.message)[:_MAX_REASON]}") from error
