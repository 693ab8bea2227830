"""What only a script can do for a request: Lua in Envoy.

``TRACING`` runs for every request, so it does as little as possible: per worker and second it draws a new random beginning,
and counts from there. ``CONFIGURED`` is for routes that want more; what they want stands in the route, so that no change of
it touches the listener.
"""

from collections.abc import Mapping
from typing import Any, Final

Json = dict[str, Any]

LUA: Final = "envoy.filters.http.lua"
TYPE: Final = "type.googleapis.com/envoy.extensions.filters.http.lua.v3"

HOST_HEADER: Final = "x-ninelives-host"
"""Tells the script which target has answered; no client sees it."""
SESSION_HEADER: Final = "x-ninelives-session"
"""Tells Envoy which target the request is to go to; no target sees it."""

URL_HEADER: Final = "x-ninelives-url"
"""Tells the script the URL that a request is rewritten to; no target sees it."""

LONGEST_LINE: Final = 16 * 1024
"""Bytes of a URL, and of the value of a header. Source: ELB user guide, "Quotas for your Application Load Balancers".

Of headers the script looks at two: to go through all of them costs a fifth of a whole request.
"""

_LIMITS: Final = f"""\
local LONGEST = {LONGEST_LINE}

local function is_longer(headers, name)
  local value = headers:get(name)
  return value ~= nil and #value > LONGEST
end

local function is_refused(handle, headers)
  local status = is_longer(headers, ":path") and "414"
    or (is_longer(headers, "cookie") or is_longer(headers, "authorization")) and "400"
  if status then handle:respond({{[":status"] = status}}, "") end
  return status
end
"""

_TRACE_ID: Final = """\
local TRACE = "x-amzn-trace-id"
local format, random, time = string.format, math.random, os.time
math.randomseed(time() + tonumber(tostring({}):sub(8)))
local second, beginning, count = 0, "", 0

local function trace_id()
  local now = time()
  if now ~= second or count == 0xffffff then
    second, count = now, 0
    beginning = format("=1-%08x-%08x%08x%02x", now, random(0, 0xffffffff), random(0, 0xffffffff), random(0, 0xff))
  end
  count = count + 1
  return beginning .. format("%06x", count)
end

local function trace(headers)
  local given = headers:get(TRACE)
  if given == nil then
    headers:add(TRACE, "Root" .. trace_id())
  else
    headers:replace(TRACE, "Self" .. trace_id() .. ";" .. given)
  end
end
"""

TRACING: Final = (
    _LIMITS
    + _TRACE_ID
    + """
function envoy_on_request(handle)
  local headers = handle:headers()
  trace(headers)
  is_refused(handle, headers)
end
"""
)

CONFIGURED: Final = (
    _LIMITS
    + _TRACE_ID
    + f"""
local SESSION, HOST, URL = "{SESSION_HEADER}", "{HOST_HEADER}", "{URL_HEADER}"
local WEEK = 604800

local function encoded(text)
  return (text:gsub(".", function(character) return format("%02x", character:byte()) end))
end

local function decoded(text)
  if #text % 2 == 1 or text:find("%X") then return "" end
  return (text:gsub("..", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function cookies(headers)
  local found = {{}}
  for name, value in (headers:get("cookie") or ""):gmatch("%s*([^=;]+)=([^;]*)") do
    if found[name] == nil then found[name] = value end
  end
  return found
end

local function remembered(cookie, group)
  if cookie == nil then return nil end
  local host, expires, of = decoded(cookie):match("^([^|]+)|(%d+)|([^|]+)$")
  if host ~= nil and of == group and tonumber(expires) > time() then return host end
  return nil
end

local function wanted_host(headers, context)
  local sent = cookies(headers)
  local group = context:get("group")
  local application = context:get("application_cookie")
  if application == nil then
    return remembered(sent["AWSALB"], group) or remembered(sent["AWSALBCORS"], group)
  end
  return sent[application] and remembered(sent["AWSALBAPP-0"], group)
end

local function sets_cookie(headers, name)
  for index = 0, headers:getNumValues("set-cookie") - 1 do
    if headers:getAtIndex("set-cookie", index):match("^%s*([^=;]+)=") == name then return true end
  end
  return false
end

local function set_cookies(headers, context, host)
  local now = time()
  local value = encoded(host .. "|" .. now + context:get("seconds") .. "|" .. context:get("group"))
  local rest = "=" .. value .. "; Expires=" .. os.date("!%a, %d %b %Y %H:%M:%S GMT", now + WEEK) .. "; Path=/"
  if context:get("application_cookie") == nil then
    headers:add("set-cookie", "AWSALB" .. rest)
    headers:add("set-cookie", "AWSALBCORS" .. rest .. "; SameSite=None; Secure")
  else
    headers:add("set-cookie", "AWSALBAPP-0" .. rest)
  end
end

local function drop_invalid(headers)
  local invalid = {{}}
  for name in pairs(headers) do
    if name:find("[^%w-]") and name:sub(1, 1) ~= ":" then invalid[#invalid + 1] = name end
  end
  for _, name in ipairs(invalid) do headers:remove(name) end
end

local function is_compatible(handle, headers, version)
  if version == "HTTP1" then
    return (headers:get("content-type") or ""):sub(1, 16) ~= "application/grpc"
  end
  if handle:streamInfo():protocol() ~= "HTTP/2" then return false end
  return version ~= "GRPC" or headers:get(":method") == "POST"
end

local function rewrite_url(handle, headers)
  local url = headers:get(URL)
  headers:remove(URL)
  if url == nil or url:sub(1, 1) ~= "/" then
    handle:respond({{[":status"] = "500"}}, "")
    return false
  end
  handle:streamInfo():dynamicMetadata():set("ninelives", "original_path", headers:get(":path"))
  headers:replace(":path", url)
  return true
end

local NOT_ENCODED = {{["%2B"] = "+", ["%2F"] = "/", ["%3D"] = "="}}

local function show_certificates(handle, headers, name)
  headers:remove(name)
  local tls = handle:streamInfo():downstreamSslConnection()
  if tls ~= nil and tls:peerCertificatePresented() then
    headers:add(name, (tls:urlEncodedPemEncodedPeerCertificateChain():gsub("%%%x%x", NOT_ENCODED)))
  end
end

function envoy_on_request(handle)
  local headers, context = handle:headers(), handle:filterContext()
  trace(headers)
  if is_refused(handle, headers) then return end
  local version = context:get("protocol_version")
  if version ~= nil and not is_compatible(handle, headers, version) then
    handle:respond({{[":status"] = "464"}}, "")
    return
  end
  if context:get("rewrites_host") then
    handle:streamInfo():dynamicMetadata():set("ninelives", "original_host", headers:get(":authority"))
  end
  if context:get("rewrites_url") and not rewrite_url(handle, headers) then return end
  if context:get("drop_invalid") then drop_invalid(headers) end
  local certificates = context:get("certificate_header")
  if certificates ~= nil then show_certificates(handle, headers, certificates) end
  if context:get("group") == nil then return end
  headers:remove(SESSION)
  local host = wanted_host(headers, context)
  if host then
    headers:add(SESSION, handle:base64Escape(host))
    handle:streamInfo():dynamicMetadata():set("ninelives", "sticky", host)
  end
end

function envoy_on_response(handle)
  local headers, context = handle:headers(), handle:filterContext()
  if context:get("group") == nil then return end
  local host = headers:get(HOST)
  headers:remove(HOST)
  headers:remove(SESSION)
  if host == nil then return end
  local application = context:get("application_cookie")
  if application ~= nil and not sets_cookie(headers, application) then
    local known = handle:streamInfo():dynamicMetadata():get("ninelives")
    if known == nil or known["sticky"] ~= host then return end
  end
  set_cookies(headers, context, host)
end
"""
)


def lua_filter() -> Json:
    return {
        "name": LUA,
        "typed_config": {
            "@type": f"{TYPE}.Lua",
            "default_source_code": {"inline_string": TRACING},
            "source_codes": {"configured": {"inline_string": CONFIGURED}},
            # Else every request would be matched against the rules twice.
            "clear_route_cache": False,
        },
    }


def configured(context: Mapping[str, Any]) -> Json:
    """The configuration of a route that wants what ``context`` says, by filter name; nothing where it is empty."""
    if not context:
        return {}
    return {LUA: {"@type": f"{TYPE}.LuaPerRoute", "name": "configured", "filter_context": dict(context)}}
