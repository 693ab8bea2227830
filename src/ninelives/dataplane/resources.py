"""Envoy resources between proto-JSON and protobuf. What is imported here is heavy: import this module when it is needed."""

import hashlib
import importlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from google.protobuf import any_pb2, json_format


class Kind(StrEnum):
    """The kinds of resources, by type URL."""

    CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    ENDPOINTS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    EXTENSION = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
    LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
    ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
    SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - a type's name


KINDS = {str(kind): kind for kind in Kind}

for _module in (
    "config.cluster.v3.cluster",
    "config.core.v3.extension",
    "config.endpoint.v3.endpoint",
    "config.listener.v3.listener",
    "config.route.v3.route",
    "extensions.access_loggers.file.v3.file",
    "extensions.access_loggers.filters.cel.v3.cel",
    "extensions.filters.http.header_mutation.v3.header_mutation",
    "extensions.filters.http.jwt_authn.v3.config",
    "extensions.filters.http.lua.v3.lua",
    "extensions.filters.http.router.v3.router",
    "extensions.filters.http.stateful_session.v3.stateful_session",
    "extensions.filters.network.http_connection_manager.v3.http_connection_manager",
    "extensions.filters.network.set_filter_state.v3.set_filter_state",
    "extensions.health_check.event_sinks.file.v3.file",
    "extensions.http.header_formatters.preserve_case.v3.preserve_case",
    "extensions.http.stateful_session.header.v3.header",
    "extensions.load_balancing_policies.least_request.v3.least_request",
    "extensions.load_balancing_policies.subset.v3.subset",
    "extensions.transport_sockets.raw_buffer.v3.raw_buffer",
    "extensions.transport_sockets.tls.v3.tls",
    "extensions.upstreams.http.v3.http_protocol_options",
):
    # Every message that a resource names by @type must be known before the resource is read.
    importlib.import_module(f"envoy.{_module}_pb2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource ready to be sent. Its version is a hash of its content: the same content is never sent twice, also not by
    the next control plane.
    """

    version: str
    packed: Any


class MalformedResource(Exception):
    """A resource that is not what its type says; the text names the member."""


def packed(content: Any) -> Resource:
    """``content`` (proto-JSON with ``@type``) as protobuf. Raises ``MalformedResource``."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    message = any_pb2.Any()
    try:
        json_format.ParseDict(content, message)
    except json_format.ParseError as error:
        raise MalformedResource(str(error)) from error
    return Resource(version=hashlib.sha256(text.encode()).hexdigest()[:16], packed=message)


def no_endpoints(cluster: str) -> Resource:
    """The empty assignment of a cluster."""
    return packed({"@type": Kind.ENDPOINTS, "cluster_name": cluster, "endpoints": []})
