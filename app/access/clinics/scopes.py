"""What an API key may be allowed to do."""

from enum import StrEnum


class Scope(StrEnum):
    """One thing a key may do; the clinic's first key may do all of them."""

    CLINIC = "clinic"
    PATIENTS = "patients"
    TREATMENT = "treatment"
    CHECK_INS = "check_ins"
    SIGNALS = "signals"
    SAFETY = "safety"
    WEBHOOKS = "webhooks"
    # The stream of all events, and where every patient stands: ids, levels and states.
    EVENTS = "events:read"
    # Copies of everything about a patient, and erasing one.
    RIGHTS = "rights"
    # Making and revoking keys, with no more scopes than the caller's own.
    API_KEYS = "api_keys"
    # The clinic's own numbers over a period: counts and shares, nobody by name.
    INSIGHTS = "insights"
    # Looking through the audit log.
    AUDIT = "audit"
    # Inviting staff, and taking their access away: how the clinic's first owner comes in.
    STAFF = "staff"
