"""Logging in to the registry: the token that ``docker login`` takes as the password of the user AWS."""

import base64
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.api.ecr.shop import EcrHandler, Shop

TOKEN_LASTS: Final = timedelta(hours=12)
"""Source: ``ecr`` 2015-09-21, ``GetAuthorizationToken``. Without enforcement of IAM the registry asks for no token."""


def get_authorization_token(shop: Shop, call: Call) -> Mapping[str, Any]:
    asked = call.parameters.get("registryIds") or [shop.registry.id]
    password = secrets.token_urlsafe(96) if shop.password is None else shop.password(call)
    token = base64.b64encode(f"AWS:{password}".encode()).decode()
    data = {
        "authorizationToken": token,
        "expiresAt": shop.now() + TOKEN_LASTS,
        "proxyEndpoint": f"http://{shop.endpoint}",
    }
    return {"authorizationData": [data for _ in asked]}


HANDLERS: Mapping[str, EcrHandler] = {"GetAuthorizationToken": get_authorization_token}
