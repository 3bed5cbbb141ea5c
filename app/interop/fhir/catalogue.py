"""The resource types that this service has, in the order in which a CapabilityStatement lists them."""

from typing import Final

from app.interop.fhir.resource_type import ResourceType
from app.interop.fhir.resources.alerts import FLAG, TASK
from app.interop.fhir.resources.episode_of_care import EPISODE_OF_CARE
from app.interop.fhir.resources.forms import QUESTIONNAIRE, QUESTIONNAIRE_RESPONSE
from app.interop.fhir.resources.infusions import MEDICATION_ADMINISTRATION, PROCEDURE
from app.interop.fhir.resources.observation import OBSERVATION
from app.interop.fhir.resources.patient import PATIENT
from app.interop.fhir.resources.record_keeping import CONSENT, PROVENANCE
from app.interop.fhir.resources.subscription import SUBSCRIPTION

RESOURCE_TYPES: Final[tuple[ResourceType, ...]] = (
    PATIENT,
    EPISODE_OF_CARE,
    PROCEDURE,
    MEDICATION_ADMINISTRATION,
    OBSERVATION,
    QUESTIONNAIRE,
    QUESTIONNAIRE_RESPONSE,
    TASK,
    FLAG,
    PROVENANCE,
    CONSENT,
    SUBSCRIPTION,
)
BY_NAME: Final = {one.name: one for one in RESOURCE_TYPES}
