"""What the FHIR interface refuses, with FHIR's own word for each."""

from typing import ClassVar

from app.foundation.errors import RefusalError, RefusalKind


class FhirRefusalError(RefusalError):
    """What was sent is not as this interface takes it."""

    code = "fhir-refused"
    issue: ClassVar[str] = "invalid"


class FormatNotServedError(FhirRefusalError):
    """Resources are given as JSON only; ask for application/fhir+json."""

    kind = RefusalKind.NOT_ACCEPTABLE
    code = "format-not-served"
    issue = "not-supported"


class ContentTypeNotReadError(FhirRefusalError):
    """Resources are read as JSON only; send it as application/fhir+json."""

    kind = RefusalKind.NOT_SUPPORTED
    code = "content-type-not-read"
    issue = "not-supported"


class InteractionNotOfferedError(FhirRefusalError):
    """This interaction is not offered; see the CapabilityStatement at /fhir/metadata."""

    kind = RefusalKind.NOT_FOUND
    code = "interaction-not-offered"
    issue = "not-found"


class OurFaultError(FhirRefusalError):
    """Something went wrong on our side; what was acknowledged before is kept. Please send it once more."""

    kind = RefusalKind.UNAVAILABLE
    code = "our-fault"
    issue = "exception"


class ParameterNotKnownError(FhirRefusalError):
    """This parameter is not known here; the CapabilityStatement lists those that are."""

    code = "parameter-not-known"
    issue = "not-supported"


class ParameterNotReadableError(FhirRefusalError):
    """The value of this parameter cannot be read."""

    code = "parameter-not-readable"
    issue = "value"


class CountNotPossibleError(FhirRefusalError):
    """A page has room for at least one resource (`_count` from 1 on); totals are not counted here."""

    code = "count-not-possible"
    issue = "value"


class PatientElsewhereError(FhirRefusalError):
    """The patient is named as Patient/<id> of this server."""

    code = "patient-elsewhere"
    issue = "value"


class ResourceNotReadableError(FhirRefusalError):
    """The resource cannot be kept as it is; see the issues."""

    code = "resource-not-readable"


class SubjectNotHereError(FhirRefusalError):
    """This clinic has no such patient."""

    code = "subject-not-here"
    issue = "not-found"


class ParameterMissingError(FhirRefusalError):
    """This parameter or header is needed."""

    code = "parameter-missing"
    issue = "required"
