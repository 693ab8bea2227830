"""What Envoy is told when it starts: who it is, where its admin socket is, and where everything else comes from."""

import ssl
from importlib.resources import files
from pathlib import Path
from typing import Any

from ninelives.routing import grpc_checks, tokens

Json = dict[str, Any]


AUTHORITIES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)
"""Where systems keep the authorities that they trust."""


def bootstrap(*, admin_socket: Path, ads_socket: Path) -> Json:
    """Envoy's bootstrap: all resources by delta ADS over a unix socket.

    The stream is taken up again within half a second after a new control plane listens (Envoy's own limit is 30 s).
    """
    back_off = {"base_interval": "0.05s", "max_interval": "0.5s"}
    ads = {"resource_api_version": "V3", "ads": {}}
    return {
        "node": {"id": "ninelives", "cluster": "ninelives"},
        "admin": {"address": {"pipe": {"path": str(admin_socket), "mode": 0o600}}},
        "stats_flush_on_admin": True,
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [
                    {"envoy_grpc": {"cluster_name": "control_plane", "retry_policy": {"retry_back_off": back_off}}}
                ],
            },
            "cds_config": ads,
            "lds_config": ads,
        },
        "static_resources": {
            "listeners": [grpc_checks.listener()],
            "secrets": [{"name": tokens.AUTHORITIES, "validation_context": {"trusted_ca": {"filename": str(_authorities())}}}],
            "clusters": [_control_plane(ads_socket), *grpc_checks.clusters()],
        },
        "layered_runtime": {
            "layers": [
                {
                    "name": "static",
                    # Rules may carry five patterns of 128 characters each: more than the default size of a regex program.
                    "static_layer": {"re2.max_program_size.error_level": 100_000, "re2.max_program_size.warn_level": 100_000},
                }
            ]
        },
    }


def _authorities() -> Path:
    """The authorities that this machine trusts: those of ``SSL_CERT_FILE``, else the system's, else those of the AWS SDK."""
    named = ssl.get_default_verify_paths().cafile
    known = [Path(named)] if named else [one for one in AUTHORITIES if one.is_file()]
    return known[0] if known else Path(str(files("botocore"))) / "cacert.pem"


def _control_plane(ads_socket: Path) -> Json:
    http2 = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(ads_socket)}}}}
    return {
        "name": "control_plane",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
        "load_assignment": {"cluster_name": "control_plane", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
