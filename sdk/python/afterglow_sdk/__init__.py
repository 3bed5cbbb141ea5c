"""Afterglow for phones and clinics' systems."""

from afterglow_sdk.client import Clinic, NetworkAwayError, Phone, ProblemError, Sent, Tokens
from afterglow_sdk.offline_queue import OfflineQueue, new_id

__all__ = [
    "Clinic",
    "NetworkAwayError",
    "OfflineQueue",
    "Phone",
    "ProblemError",
    "Sent",
    "Tokens",
    "new_id",
]
