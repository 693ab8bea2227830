"""The record of every request: one JSON object a line, written by Envoy, for ALB's access logs and metrics.

It is always on: what is recorded of a request stands in the listener, and a listener that changes cuts long streams.
"""

from collections.abc import Mapping
from typing import Any, Final

Json = dict[str, Any]

ACCESS_LOG: Final = "access.log"
"""The file, in the directory in which Envoy runs; all listeners write to it."""

FIELDS: Final[Mapping[str, str]] = {
    "time": "%EMIT_TIME(%Y-%m-%dT%H:%M:%S.%6fZ)%",
    "request_creation_time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%6fZ)%",
    "client": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "target": "%UPSTREAM_HOST%",
    "request_processing_us": "%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%",
    "target_processing_us": "%COMMON_DURATION(US_TX_BEG:US_RX_BEG:us)%",
    "response_processing_us": "%COMMON_DURATION(US_RX_BEG:DS_TX_END:us)%",
    "elb_status_code": "%RESPONSE_CODE%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "received_bytes": "%DOWNSTREAM_WIRE_BYTES_RECEIVED%",
    "sent_bytes": "%DOWNSTREAM_WIRE_BYTES_SENT%",
    "method": "%REQ(:METHOD)%",
    "host": "%REQ(:AUTHORITY)%",
    "original_host": "%DYNAMIC_METADATA(ninelives:original_host)%",
    "path": "%PATH(WQ:ORIG_OR_PATH)%",
    "original_path": "%DYNAMIC_METADATA(ninelives:original_path)%",
    "protocol": "%PROTOCOL%",
    "content_type": "%REQ(CONTENT-TYPE)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "tls_cipher": "%DOWNSTREAM_TLS_CIPHER%",
    "tls_version": "%DOWNSTREAM_TLS_VERSION%",
    "server_name": "%REQUESTED_SERVER_NAME%",
    "target_group_arn": "%METADATA(CLUSTER:ninelives:arn)%",
    "trace_id": "%REQ(X-AMZN-TRACE-ID)%",
    "matched_rule_priority": "%METADATA(ROUTE:ninelives:priority)%",
    "actions_executed": "%METADATA(ROUTE:ninelives:actions)%",
    "redirect_url": "%RESP(LOCATION)%",
    "connection": "%CONNECTION_ID%",
}
"""What a line holds, beside ``listener`` (the listener's name: ``app/NAME/LOAD-BALANCER-ID/LISTENER-ID``).

Whole µs, null where there was no such part; strings null where there is none; numbers as numbers. ``elb_status_code`` is the
answer that the client got, 0 where it left before; the target's own where ``response_code_details`` is ``via_upstream``, else
the load balancer's. ``host`` and ``path`` are what the target got; ``original_host`` and ``original_path`` what came, where a
rule has rewritten it. ``target`` and ``target_group_arn`` are those that were tried last.
"""


def access_log(listener: str) -> Json:
    return {
        "name": "file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": ACCESS_LOG,
            "log_format": {"json_format": {"listener": listener, **FIELDS}},
        },
    }
