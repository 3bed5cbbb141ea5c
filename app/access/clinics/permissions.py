"""The permissions matrix: a route asks for a permission; the table says which scope and roles have it.

A page of the docs is made from it, and a test walks every route: one that asks for nothing in here fails.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """One thing a key may do; the clinic's first key may do all but those that an owner grants."""

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
    # Taking the whole clinic's records along as FHIR.
    FHIR_EXPORT = "fhir:export"


OWNER_GRANTED: Final = frozenset({Scope.FHIR_EXPORT})
"""Scopes that no key gives to another: an owner who is signed in does."""


class StaffRole(StrEnum):
    """What a member of the staff is to the clinic."""

    OWNER = "owner"
    CLINICIAN = "clinician"
    COORDINATOR = "coordinator"
    READ_ONLY = "read_only"


class Permission(StrEnum):
    """One thing to be allowed. The value says it in plain words, for the docs page."""

    CLINIC_READ = "read the clinic's settings and numbers of the rule"
    CLINIC_CHANGE = "change the clinic's settings, set its numbers, go live"
    PATIENTS_READ = "read who the patients are, their devices and consent"
    PATIENTS_EDIT = (
        "register and change patients, hand out codes and links, revoke devices, note a withdrawal"
    )
    PATIENTS_CONTACT = "read and keep a patient's name, telephone and whom to call"
    TREATMENT_READ = "read courses, infusions, totals, factors, plans and intervals"
    TREATMENT_RECORD = "record courses, infusions, totals and booked boosters"
    TREATMENT_DECIDE = "choose a reference, plan a taper, keep factors and cautions, describe scales"
    CHECK_INS_IMPORT = "import check-ins from elsewhere"
    SIGNALS_READ = "read the worklist, signals, evaluations and the chart"
    SIGNALS_HANDLE = "acknowledge and snooze signals"
    SIGNALS_CLOSE = "close signals with a disposition, and reopen them"
    SAFETY_READ = "read safety events"
    SAFETY_HANDLE = "acknowledge safety events"
    SAFETY_CLOSE = "close safety events with an outcome"
    EVENTS_READ = "pull the stream of events, and read where every patient stands"
    WEBHOOKS = "manage endpoints, channels and deliveries"
    RIGHTS = "copy everything about a patient, transfer one to or from another clinic, and erase one"
    API_KEYS = "make and revoke API keys"
    STAFF = "invite, change and deactivate staff"
    INSIGHTS = "read the clinic's own figures over a period"
    AUDIT = "look through the audit log"
    FHIR_EXPORT = "take the records of the whole clinic along as FHIR"
    CONNECTIONS = "connect where staff sign in, the EHR, programs, and browser apps"
    EMERGENCY = "open a patient in an emergency, with a reason that the owners are shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoMay:
    """Who has a permission.

    Attributes:
        scope: the scope that gives it to an API key; None: no key has it.
        roles: the roles that have it.
        in_emergency: whether whoever opened a patient in an emergency has it, for that patient and that time.
    """

    scope: Scope | None
    roles: frozenset[StaffRole]
    in_emergency: bool = False


_OWNER: Final = frozenset({StaffRole.OWNER})
_DECIDES: Final = _OWNER | {StaffRole.CLINICIAN}
_HANDLES: Final = _DECIDES | {StaffRole.COORDINATOR}
_EVERYBODY: Final = frozenset(StaffRole)

PERMISSIONS_MATRIX: Final[Mapping[Permission, WhoMay]] = {
    Permission.CLINIC_READ: WhoMay(scope=Scope.CLINIC, roles=_EVERYBODY),
    Permission.CLINIC_CHANGE: WhoMay(scope=Scope.CLINIC, roles=_OWNER),
    Permission.PATIENTS_READ: WhoMay(scope=Scope.PATIENTS, roles=_EVERYBODY),
    Permission.PATIENTS_EDIT: WhoMay(scope=Scope.PATIENTS, roles=_HANDLES, in_emergency=True),
    Permission.PATIENTS_CONTACT: WhoMay(scope=None, roles=_HANDLES, in_emergency=True),
    Permission.TREATMENT_READ: WhoMay(scope=Scope.TREATMENT, roles=_EVERYBODY),
    Permission.TREATMENT_RECORD: WhoMay(scope=Scope.TREATMENT, roles=_HANDLES, in_emergency=True),
    Permission.TREATMENT_DECIDE: WhoMay(scope=Scope.TREATMENT, roles=_DECIDES, in_emergency=True),
    Permission.CHECK_INS_IMPORT: WhoMay(scope=Scope.CHECK_INS, roles=_HANDLES),
    Permission.SIGNALS_READ: WhoMay(scope=Scope.SIGNALS, roles=_EVERYBODY),
    Permission.SIGNALS_HANDLE: WhoMay(scope=Scope.SIGNALS, roles=_HANDLES, in_emergency=True),
    Permission.SIGNALS_CLOSE: WhoMay(scope=Scope.SIGNALS, roles=_DECIDES, in_emergency=True),
    Permission.SAFETY_READ: WhoMay(scope=Scope.SAFETY, roles=_EVERYBODY),
    Permission.SAFETY_HANDLE: WhoMay(scope=Scope.SAFETY, roles=_HANDLES, in_emergency=True),
    Permission.SAFETY_CLOSE: WhoMay(scope=Scope.SAFETY, roles=_DECIDES, in_emergency=True),
    Permission.EVENTS_READ: WhoMay(scope=Scope.EVENTS, roles=_OWNER),
    Permission.WEBHOOKS: WhoMay(scope=Scope.WEBHOOKS, roles=_OWNER),
    Permission.RIGHTS: WhoMay(scope=Scope.RIGHTS, roles=_OWNER),
    Permission.API_KEYS: WhoMay(scope=Scope.API_KEYS, roles=_OWNER),
    Permission.STAFF: WhoMay(scope=Scope.STAFF, roles=_OWNER),
    Permission.INSIGHTS: WhoMay(scope=Scope.INSIGHTS, roles=_EVERYBODY),
    Permission.AUDIT: WhoMay(scope=Scope.AUDIT, roles=_OWNER),
    Permission.FHIR_EXPORT: WhoMay(scope=Scope.FHIR_EXPORT, roles=_OWNER),
    Permission.CONNECTIONS: WhoMay(scope=None, roles=_OWNER),
    Permission.EMERGENCY: WhoMay(scope=None, roles=_EVERYBODY - _DECIDES),
}


def role_may(role: StaffRole, permission: Permission) -> bool:
    """Say whether a role has a permission."""
    return role in PERMISSIONS_MATRIX[permission].roles


def scope_may(scopes: frozenset[str], permission: Permission) -> bool:
    """Say whether a key with these scopes has a permission."""
    scope = PERMISSIONS_MATRIX[permission].scope
    return scope is not None and scope in scopes


_SCOPE: Final = re.compile(r"system/(?P<type>\*|[A-Za-z]{1,64})\.(?P<what>read|write|\*|c?r?u?d?s?)")
_OLD: Final = {"read": "rs", "write": "cud", "*": "cruds"}


def read_scope(text: str) -> tuple[str, frozenset[str]] | None:
    """Give the resource type of a SMART scope and the letters of what it allows; None: it is no such scope.

    Programs name scopes ``system/<type>.<what>``, of version 1 (read, write) and 2 (letters of cruds).
    """
    found = _SCOPE.fullmatch(text)
    if found is None or not found["what"]:
        return None
    return found["type"], frozenset(_OLD.get(found["what"], found["what"]))


def scopes_allow(scopes: Collection[str], kind: str, letters: str) -> bool:
    """Say whether scopes allow this on a resource type; ``*`` asks for all types."""
    allowed: set[str] = set()
    for one in scopes:
        read = read_scope(one)
        if read is not None and read[0] in {"*", kind}:
            allowed |= read[1]
    return set(letters) <= allowed


def within(wanted: str, granted: Collection[str]) -> bool:
    """Say whether a scope that is asked for is covered by those that were granted."""
    if wanted in granted:
        return True
    read = read_scope(wanted)
    return read is not None and scopes_allow(granted, read[0], "".join(read[1]))
