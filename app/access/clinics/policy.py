"""A clinic's own numbers within the safe bounds: versioned, active from a time on, never changed afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from app.clinical.errors import ClinicalError
from app.clinical.number_notes import NumberNotes
from app.clinical.protocol import Protocol
from app.clinical.protocol_versions import numbers_of, stored_numbers, with_numbers
from app.context import Work
from app.foundation.errors import RefusalError
from app.foundation.translations import Words, say
from app.storage import policies
from app.storage.policies import StoredPolicy
from app.web.headers import ChangedMeanwhileError

# What is sent "from now on" arrives a little later.
_BEHIND: Final = timedelta(minutes=10)
_USUAL_GAIN: Final = ("usual_gain", "usual_gain_sd")
COURSES_FOR_OWN_PRIOR: Final = 30
"""Fewer say more about chance than about the clinic's patients."""


class PolicyRefusedError(RefusalError):
    """These numbers cannot be activated; see errors."""

    code = "policy-refused"


class PolicyInPastError(RefusalError):
    """Numbers become active now or later; what was decided stays decided."""

    code = "policy-in-past"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """What is active now, every number of it, and all versions, latest first.

    ``version`` 0 means the service's own numbers. ``latest`` is the version to base a change on.
    """

    version: int
    rule: str
    numbers: tuple[NumberNotes, ...]
    versions: tuple[StoredPolicy, ...]

    @property
    def latest(self) -> int:
        """The latest version, active or to come."""
        return self.versions[0].version if self.versions else 0


def protocol_with(base: Protocol, numbers: Mapping[str, float] | None) -> Protocol:
    """Give the protocol in which these stored numbers differ, whatever the bounds are by now."""
    return _with(base, tuple(sorted(numbers.items()))) if numbers else base


async def active_protocol(work: Work) -> Protocol:
    """Give the numbers that this clinic decides with now."""
    return protocol_with(work.context.protocol, await policies.active_numbers(work, now=work.now))


async def read_policy(work: Work) -> PolicyView:
    """Give the clinic's numbers."""
    return await _view(work, now=work.real_now)


async def write_policy(
    work: Work, *, numbers: Mapping[str, Any], effective_from: datetime | None, version: int
) -> PolicyView:
    """Activate numbers from a time on; those that are not named are the service's own.

    Raises:
        PolicyRefusedError: an unknown number, one outside its safe bounds, a contradiction, or a usual gain of
            the clinic's own from too few courses.
        PolicyInPastError: the time has passed.
        ChangedMeanwhileError: the version is not the latest one.
    """
    now = work.real_now
    since = effective_from or now
    if since < now - _BEHIND:
        raise PolicyInPastError("#/effective_from")
    protocol = checked(work.context.protocol, numbers)
    await _refuse_own_prior_of_few(work, protocol)
    new = StoredPolicy(
        version=version + 1,
        numbers={name: getattr(protocol, name) for name in sorted(numbers)},
        rule=protocol.name,
        effective_from=since,
        created_at=now,
        created_by=work.actor.id,
    )
    known = await policies.versions(work)
    latest = known[0].version if known else 0
    if version != latest or not await policies.add(work, new):
        raise ChangedMeanwhileError("header/if-match")
    work.audit("policy.written", "clinic", work.clinic_id)
    return await _view(work, now=max(now, since) if effective_from is None else now)


async def _view(work: Work, *, now: datetime) -> PolicyView:
    found = await policies.versions(work)
    holding = next((one for one in found if one.effective_from <= now), None)
    protocol = protocol_with(work.context.protocol, holding.numbers if holding else None)
    return PolicyView(
        version=holding.version if holding else 0,
        rule=protocol.name,
        numbers=numbers_of(protocol),
        versions=tuple(found),
    )


async def _refuse_own_prior_of_few(work: Work, protocol: Protocol) -> None:
    """What patients usually gain may be the clinic's own once it rests on enough of its past inductions."""
    base = work.context.protocol
    own = [name for name in _USUAL_GAIN if getattr(protocol, name) != getattr(base, name)]
    if not own:
        return
    before = work.real_now - timedelta(days=base.window_latest_day)
    courses = await policies.count_inductions(work, given_before=before)
    if courses < COURSES_FOR_OWN_PRIOR:
        said = say(
            "It rests on {courses} past inductions; at least {least} are needed.",
            courses=courses,
            least=COURSES_FOR_OWN_PRIOR,
        )
        raise PolicyRefusedError().finding(
            [{"pointer": f"#/numbers/{name}", "code": "too-few-courses", "detail": said} for name in own]
        )


def checked(base: Protocol, numbers: Mapping[str, Any]) -> Protocol:
    """Give the protocol in which these numbers differ.

    Raises:
        PolicyRefusedError: an unknown number, one outside its safe bounds, or a contradiction.
    """
    try:
        return with_numbers(numbers, protocol=base)
    except ClinicalError as error:
        refusal = PolicyRefusedError()
        raise refusal.finding([_finding(error)]) from error


def _finding(error: ClinicalError) -> dict[str, Any]:
    name = str(error.details.get("field", ""))[:64].encode("ascii", "replace").decode()
    found: dict[str, Any] = {
        "pointer": f"#/numbers/{name.replace('~', '~0').replace('/', '~1')}" if name else "#/numbers",
        "code": "number-refused",
        "detail": Words(str(error)),
    }
    shown = ("lowest", "highest", "choices")
    return found | {bound: error.details[bound] for bound in shown if bound in error.details}


@lru_cache(maxsize=256)
def _with(base: Protocol, numbers: tuple[tuple[str, float], ...]) -> Protocol:
    return stored_numbers(dict(numbers), protocol=base)
