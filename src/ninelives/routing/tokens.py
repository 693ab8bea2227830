"""The action ``jwt-validation``: requests need a token that an issuer has signed.

Envoy's ``jwt_authn`` filter checks signature, issuer, expiry and "not before" with keys that it fetches itself. What ALB asks
beyond that a script looks at: RS256 alone, ``iat``, the additional claims.

Which issuers there are comes to Envoy as an extension's configuration of its own, which all listeners share: a rule that names
another issuer touches no listener.

Source: ELB user guide, "Verify JWTs using an Application Load Balancer"; ``elbv2`` ``JwtValidationActionConfig``.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from ninelives.model.elbv2 import JwtValidation

Json = dict[str, Any]

TYPE: Final = "type.googleapis.com/envoy"
NAME: Final = "jwt"
"""Of the filter and of its configuration."""
CLAIMS: Final = "claims"
AUTHORITIES: Final = "authorities"
"""The secret with the authorities that this machine trusts; the bootstrap has it."""
KEYS_SECONDS: Final = 300
SKEW_SECONDS: Final = 60
"""How far clocks may differ: Envoy's default."""

_JWT_AUTHENTICATION: Final = f"{TYPE}.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
_LUA: Final = f"{TYPE}.extensions.filters.http.lua.v3"

_SCRIPT: Final = f"""\
local function words(text)
  local found = {{}}
  for word in text:gmatch("%S+") do found[#found + 1] = word end
  return found
end

local function holds(list, wanted)
  for _, one in pairs(list) do
    if one == wanted then return true end
  end
  return false
end

local function is_met(claim, told)
  if claim.format == "single-string" then return type(told) == "string" and holds(claim.values, told) end
  if claim.format == "space-separated-values" then
    if type(told) ~= "string" then return false end
    told = words(told)
  end
  if type(told) ~= "table" then return false end
  for _, wanted in pairs(claim.values) do
    if not holds(told, wanted) then return false end
  end
  return true
end

local function is_valid(handle)
  local token = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
  if token == nil or token.header == nil or token.header.alg ~= "RS256" then return false end
  local issued = token.payload.iat
  if issued ~= nil and (type(issued) ~= "number" or issued > os.time() + {SKEW_SECONDS}) then return false end
  for _, claim in pairs(handle:filterContext():get("claims") or {{}}) do
    if not is_met(claim, token.payload[claim.name]) then return false end
  end
  return true
end

function envoy_on_request(handle)
  if not is_valid(handle) then handle:respond({{[":status"] = "401"}}, "") end
end
"""


def filters() -> list[Json]:
    """Both filters of a listener, off until a route asks for them."""
    return [
        {
            "name": NAME,
            "disabled": True,
            "config_discovery": {
                "config_source": {"resource_api_version": "V3", "ads": {}},
                "type_urls": [_JWT_AUTHENTICATION],
            },
        },
        {
            "name": CLAIMS,
            "disabled": True,
            "typed_config": {"@type": f"{_LUA}.Lua", "source_codes": {CLAIMS: {"inline_string": _SCRIPT}}},
        },
    ]


def per_route(validation: JwtValidation) -> Json:
    """The configuration of a route that wants tokens, by filter name."""
    claims = [{"name": one.name, "format": one.format, "values": list(one.values)} for one in validation.additional_claims]
    required = f"{TYPE}.extensions.filters.http.jwt_authn.v3.PerRouteConfig"
    return {
        NAME: {"@type": required, "requirement_name": _provider(validation)},
        CLAIMS: {"@type": f"{_LUA}.LuaPerRoute", "name": CLAIMS, "filter_context": {"claims": claims}},
    }


def configuration(validations: Iterable[JwtValidation]) -> Json:
    """The first filter's configuration: every issuer that a rule names."""
    providers = {_provider(one): _issuer(one) for one in validations}
    return {
        "@type": f"{TYPE}.config.core.v3.TypedExtensionConfig",
        "name": NAME,
        "typed_config": {
            "@type": _JWT_AUTHENTICATION,
            "providers": providers,
            "requirement_map": {name: {"provider_name": name} for name in providers},
            "strip_failure_response": True,
        },
    }


def _issuer(validation: JwtValidation) -> Json:
    return {
        "issuer": validation.issuer,
        "require_expiration": True,
        "forward": True,
        "clock_skew_seconds": SKEW_SECONDS,
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": "payload",
        "header_in_metadata": "header",
        "remote_jwks": {
            "http_uri": {
                "uri": validation.jwks_endpoint,
                "cluster": key_server(validation.jwks_endpoint),
                "timeout": "5s",
            },
            "cache_duration": f"{KEYS_SECONDS}s",
        },
    }


def _provider(validation: JwtValidation) -> str:
    return hashlib.sha256(f"{validation.jwks_endpoint} {validation.issuer}".encode()).hexdigest()[:16]


def key_server(endpoint: str) -> str:
    """The cluster of a JWKS endpoint's host."""
    url = urlsplit(endpoint)
    return f"jwks:{url.hostname}:{url.port or 443}"


def key_servers(validations: Iterable[JwtValidation]) -> dict[str, Json]:
    """Clusters of the hosts that keys are fetched from, by name."""
    return {key_server(one.jwks_endpoint): _key_server(one.jwks_endpoint) for one in validations}


def _key_server(endpoint: str) -> Json:
    url = urlsplit(endpoint)
    host = url.hostname or ""
    address = {"socket_address": {"address": host, "port_value": url.port or 443}}
    tls = f"{TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    is_shown_for = {"san_type": "DNS", "matcher": {"exact": host}}
    return {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": key_server(endpoint),
        "type": "LOGICAL_DNS",
        "dns_lookup_family": "ALL",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": key_server(endpoint),
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "transport_socket": {
            "name": "tls",
            "typed_config": {
                "@type": tls,
                "sni": host,
                "common_tls_context": {
                    "combined_validation_context": {
                        "default_validation_context": {"match_typed_subject_alt_names": [is_shown_for]},
                        "validation_context_sds_secret_config": {"name": AUTHORITIES},
                    }
                },
            },
        },
    }
