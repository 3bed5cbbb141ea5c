"""The operations that ask nobody who they are, each with its reason. A new one needs a line here."""

from typing import Final

OPEN: Final = {
    "POST /v1/enrolments": "the one-time code in the body is what lets the device in",
    "POST /v1/tokens/refresh": "the refresh token in the body is what is asked for",
    "GET /v1/crisis-help": "nobody in danger is asked who they are; the answer holds nobody's data",
    "GET /v1/push-key": "a public key, the same for everybody: browsers ask for it before they subscribe",
    "GET /v1/openapi.json": "the description of this very interface; it is committed and public",
    "GET /health/live": "asked by machines that hold no key; says one word",
    "GET /health/ready": "asked by machines that hold no key; says one word",
}
