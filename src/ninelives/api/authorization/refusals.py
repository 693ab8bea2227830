"""Why a request is not let in, and how each protocol and service calls it.

Source: "Common errors" of the services' API references; Amazon S3 and EC2 error codes; messages of the services themselves.
"""

from enum import Enum
from typing import Final

from ninelives.api.codec_errors import CBOR
from ninelives.model.errors import ApiError

FORBIDDEN: Final = 403


class Why(Enum):
    """Why a request is refused before it is carried out."""

    UNKNOWN_KEY = "The security token included in the request is invalid."
    BAD_SIGNATURE = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
        "signing method. Consult the service documentation for details."
    )
    INCOMPLETE = "Authorization header is incomplete."
    SKEWED = "Signature expired."
    EXPIRED_LINK = "Request has expired"
    EXPIRED_TOKEN = "The security token included in the request is expired"  # noqa: S105 a message
    NOT_ALLOWED = "Not authorized."


JSON_CODES: Final = {
    Why.UNKNOWN_KEY: ("UnrecognizedClientException", 400),
    Why.BAD_SIGNATURE: ("InvalidSignatureException", 400),
    Why.INCOMPLETE: ("IncompleteSignatureException", 400),
    Why.SKEWED: ("InvalidSignatureException", 400),
    Why.EXPIRED_LINK: ("InvalidSignatureException", 400),
    Why.EXPIRED_TOKEN: ("ExpiredTokenException", 400),
    Why.NOT_ALLOWED: ("AccessDeniedException", 400),
}
QUERY_CODES: Final = {
    Why.UNKNOWN_KEY: ("InvalidClientTokenId", FORBIDDEN),
    Why.BAD_SIGNATURE: ("SignatureDoesNotMatch", FORBIDDEN),
    Why.INCOMPLETE: ("IncompleteSignature", 400),
    Why.SKEWED: ("SignatureDoesNotMatch", FORBIDDEN),
    Why.EXPIRED_LINK: ("SignatureDoesNotMatch", FORBIDDEN),
    Why.EXPIRED_TOKEN: ("ExpiredToken", FORBIDDEN),
    Why.NOT_ALLOWED: ("AccessDenied", FORBIDDEN),
}
EC2_CODES: Final = {
    Why.UNKNOWN_KEY: ("AuthFailure", 401),
    Why.BAD_SIGNATURE: ("AuthFailure", 401),
    Why.INCOMPLETE: ("IncompleteSignature", 400),
    Why.SKEWED: ("RequestExpired", 400),
    Why.EXPIRED_LINK: ("RequestExpired", 400),
    Why.EXPIRED_TOKEN: ("RequestExpired", 400),
    Why.NOT_ALLOWED: ("UnauthorizedOperation", FORBIDDEN),
}
S3_CODES: Final = {
    Why.UNKNOWN_KEY: ("InvalidAccessKeyId", FORBIDDEN),
    Why.BAD_SIGNATURE: ("SignatureDoesNotMatch", FORBIDDEN),
    Why.INCOMPLETE: ("AuthorizationHeaderMalformed", 400),
    Why.SKEWED: ("RequestTimeTooSkewed", FORBIDDEN),
    Why.EXPIRED_LINK: ("AccessDenied", FORBIDDEN),
    Why.EXPIRED_TOKEN: ("ExpiredToken", 400),
    Why.NOT_ALLOWED: ("AccessDenied", FORBIDDEN),
}

EC2_MESSAGES: Final = {
    Why.UNKNOWN_KEY: "AWS was not able to validate the provided access credentials",
    Why.BAD_SIGNATURE: "AWS was not able to validate the provided access credentials",
    Why.SKEWED: "Request has expired.",
    Why.EXPIRED_TOKEN: "Request has expired.",
}
S3_MESSAGES: Final = {
    Why.UNKNOWN_KEY: "The AWS Access Key Id you provided does not exist in our records.",
    Why.BAD_SIGNATURE: (
        "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    ),
    Why.SKEWED: "The difference between the request time and the current time is too large.",
    Why.EXPIRED_TOKEN: "The provided token has expired.",
}

EC2_START: Final = "You are not authorized to perform this operation. "

OTHER_CODES: Final = {("sns", Why.NOT_ALLOWED): "AuthorizationError"}
"""Where a service calls something otherwise than its protocol does."""


class NotLetIn(Exception):
    """A request that is refused; ``message`` in place of the usual one. ``encoded`` is what EC2 tells beside it."""

    def __init__(self, why: Why, message: str = "", *, encoded: str = "") -> None:
        super().__init__(why, message)
        self.why = why
        self.encoded = encoded
        self.message = message or why.value

    def __str__(self) -> str:
        return self.message

    def in_words_of(self, protocol: str, service: str) -> ApiError:
        """As a service says it in a protocol (botocore's words; services by their signing names)."""
        is_own_text = self.message != self.why.value
        message = self.message
        if service == "ec2":
            code, status = EC2_CODES[self.why]
            message = EC2_MESSAGES.get(self.why, message)
            if self.why is Why.NOT_ALLOWED:
                message = f"{EC2_START}{message}. Encoded authorization failure message: {self.encoded}"
        elif service == "s3":
            code, status = S3_CODES[self.why]
            message = message if is_own_text and self.why is not Why.SKEWED else S3_MESSAGES.get(self.why, message)
        elif protocol in {"json", "rest-json", CBOR}:
            code, status = JSON_CODES[self.why]
            status = FORBIDDEN if protocol == "rest-json" else status
        else:
            code, status = QUERY_CODES[self.why]
        return ApiError(OTHER_CODES.get((service, self.why), code), message, status=status)
