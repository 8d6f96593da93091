"""Elasticsearch: `ship` puts events into data streams, `prepare` puts templates, mappings and retention in place."""

from __future__ import annotations

from forwarders.sinks.elasticsearch.ship import Elasticsearch, authorization, cloud, open_sink

__all__ = ["Elasticsearch", "authorization", "cloud", "open_sink"]
