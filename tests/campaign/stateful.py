"""Stories of requests, each built on what the one before answered, with every credential; made by Schemathesis."""

from collections import Counter
from typing import Any, Final

import hypothesis
import schemathesis
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.stateful import run_state_machine_as_test
from schemathesis.generation.stateful.state_machine import APIStateMachine

from app.access.clinics.permissions import StaffRole
from app.foundation.tokens import TokenKind, read_token
from tests.campaign.figures import Figures, Options
from tests.house.test_any_request import CHECKS, DOCUMENT, Target, furnished
from tests.support.databases import running_cluster
from tests.support.service import Service, running_service
from tests.support.staff import signed_in

_STEPS: Final = 12


def stateful(options: Options) -> Figures:
    """Live stories with each credential and with none; every answer is one of those described."""
    answered: Counter[str] = Counter()
    failed: list[str] = []
    with (
        running_cluster() as cluster,
        cluster.database() as place,
        running_service(place.application_url, work=False) as service,
    ):
        for name, token in _credentials(service, furnished(service)).items():
            try:
                run_state_machine_as_test(
                    _machine(service.url, token, answered, seed=options.seed), settings=_settings(options)
                )
            except (FailureGroup, AssertionError) as error:
                failed.append(f"{name}: {_said(error)}")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(answered.items()))
    return Figures(
        lost=len(failed),
        said=f"{sum(answered.values())} requests in stories ({kinds}); {len(failed)} failed"
        + "".join(f"; {one}" for one in failed),
    )


def _settings(options: Options) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=options.requests,
        stateful_step_count=_STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def _credentials(service: Service, target: Target) -> dict[str, str | None]:
    key, phone = target.tokens["ClinicKey"], target.tokens["DeviceToken"]
    clinic_id = str(read_token(key, TokenKind.API_KEY).clinic_id)
    roles = {f"staff, {role.value}": signed_in(service, clinic_id, role) for role in StaffRole}
    return {"nobody": None, "the clinic's key": key, "a phone": phone} | roles


def _machine(url: str, token: str | None, answered: Counter[str], *, seed: int) -> type[APIStateMachine]:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    # What is forbidden ends a story at once; `tests/house/test_any_request.py` tries it request by request.
    schema.config.generation.update(modes=[schemathesis.GenerationMode.POSITIVE])

    class Stories(schema.as_state_machine()):  # type: ignore[misc] # made by a library
        rule_order_seed = seed

        def get_call_kwargs(self, _case: "schemathesis.Case[Any]") -> dict[str, Any]:
            return {"base_url": url, "headers": headers, "timeout": 30}

        def validate_response(
            self, response: "schemathesis.Response", case: "schemathesis.Case[Any]", *_: object, **__: object
        ) -> None:
            answered[f"{response.status_code // 100}xx"] += 1
            case.validate_response(response, checks=CHECKS)

    return Stories


def _said(error: BaseException) -> str:
    first = error.exceptions[0] if isinstance(error, FailureGroup) else error
    return " ".join(str(first).split())[:200]
