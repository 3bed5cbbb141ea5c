"""Requests and replies about being reminded."""

from typing import Annotated

from pydantic import Field

from app.messages.push_subscriptions import WebPushAddress
from app.web.schemas import ReplyBody, RequestBody, example

_POINT = "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"


class PushKeyReply(ReplyBody):
    """What a browser needs to subscribe (``applicationServerKey``)."""

    public_key: str = Field(examples=[_POINT])


class PushSubscriptionEntry(RequestBody):
    """A browser's subscription: ``endpoint`` and ``keys`` of ``PushSubscription.toJSON()``."""

    model_config = example(
        endpoint="https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        p256dh=_POINT,
        auth="BTBZMqHH6r4Tts7J_aSIgg",
    )

    endpoint: Annotated[str, Field(min_length=1, max_length=2000, examples=["https://push.example.net/p/Jz"])]
    p256dh: Annotated[str, Field(min_length=1, max_length=200, examples=[_POINT])]
    auth: Annotated[str, Field(min_length=1, max_length=100, examples=["BTBZMqHH6r4Tts7J_aSIgg"])]

    def address(self) -> WebPushAddress:
        """Give it as the service knows it."""
        return WebPushAddress(endpoint=self.endpoint, public_key=self.p256dh, auth=self.auth)


class AppPushToken(RequestBody):
    """An app's token at its phone's push service, as the operator's gateway wants it."""

    model_config = example(token="fcm:dGhpcyBpcyBub3QgYSB0b2tlbg")  # noqa: S106 - made up

    token: Annotated[str, Field(min_length=1, max_length=4096, examples=["fcm:dGhpcyBpcyBub3Qg"])]
