"""Why a form or a scale is refused: its items by number and its two totals, never an answer."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from app.clinical.scales import CustomProblemCode, CustomScaleProblem, FormProblem, ProblemCode
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.translations import Words, say


class FormRefusedError(RefusalError):
    """This form cannot be kept as it is; see errors. An answered safety item was taken up all the same."""

    code = "form-refused"


class ScaleNotKnownError(RefusalError):
    """The scale is not known here; a clinic's own scale is described before it is used."""

    code = "scale-not-known"


class AssessmentInFutureError(RefusalError):
    """A form is entered after it was completed; this time lies in the future."""

    code = "assessment-in-future"


class AssessmentTooOldError(RefusalError):
    """This form was completed more than 30 days ago; the clinic can enter older ones."""

    code = "assessment-too-old"


class QuestionnaireNotOfferedError(RefusalError):
    """This questionnaire is not answered here; the list of questionnaires says which are."""

    code = "questionnaire-not-offered"


class AssessmentConflictError(RefusalError):
    """A form with this id and another content is kept already; another form needs a separate id."""

    kind = RefusalKind.CONFLICT
    code = "assessment-conflict"


class AssessmentExistsError(RefusalError):
    """The patient has another form of this scale at this very time already."""

    kind = RefusalKind.CONFLICT
    code = "assessment-exists"


class PatientsOwnFormError(RefusalError):
    """The patient answered this form; it stays as it was answered."""

    kind = RefusalKind.CONFLICT
    code = "patients-own-form"


class ScaleRefusedError(RefusalError):
    """These scales cannot be kept as they are; see errors. None of them was kept."""

    code = "scale-refused"


class ScaleExistsError(RefusalError):
    """The clinic has another scale under this key; totals were scored by it, so a new one needs a new key."""

    kind = RefusalKind.CONFLICT
    code = "scale-exists"


_OF_FORM: Final = {
    ProblemCode.NOTHING_GIVEN: ("#/items", say("Neither answers nor a total were given.")),
    ProblemCode.MISSING_ITEMS: ("#/items", say("These items are not answered: {items}.")),
    ProblemCode.MISSING_ONE_OF: ("#/items", say("At least one of these items must be answered: {items}.")),
    ProblemCode.OUT_OF_RANGE_ITEMS: (
        "#/items",
        say("The form offers no such answer to these items: {items}."),
    ),
    ProblemCode.UNKNOWN_ITEMS: ("#/items", say("The scale has no such items: {items}.")),
    ProblemCode.ITEMS_NOT_SCORED: ("#/items", say("This scale is known by its total alone.")),
    ProblemCode.TOTAL_OUT_OF_RANGE: ("#/total", say("The total lies outside the scale's range.")),
    ProblemCode.TOTAL_NOT_WHOLE: ("#/total", say("This scale has whole totals only.")),
    ProblemCode.TOTAL_DIFFERS: (
        "#/total",
        say("The stated total is {stated:g}; the items add up to {computed:g}."),
    ),
    ProblemCode.CLINICIAN_RATED: (
        "#/scale",
        say("A clinician rates this scale; a patient's own form is another one."),
    ),
}
_OF_SCALE: Final = {
    CustomProblemCode.NOT_AN_OBJECT: say("An object with the scale's fields is expected."),
    CustomProblemCode.KEY_NOT_USABLE: say("A key has lower-case letters, digits and hyphens, at most 40."),
    CustomProblemCode.KEY_TAKEN: say("This key belongs to a validated scale."),
    CustomProblemCode.UNKNOWN_FIELD: say("A scale has no such field."),
    CustomProblemCode.MISSING_FIELD: say("This field is required."),
    CustomProblemCode.WRONG_KIND: say("The value is not of the kind that is expected here."),
    CustomProblemCode.EMPTY_RANGE: say("The maximum must lie above the minimum."),
    CustomProblemCode.OUTSIDE_RANGE: say("The level lies outside the scale's range."),
    CustomProblemCode.REMISSION_NOT_BETTER: say("The remission level must be better than the relapse level."),
}


def form_refused(problems: Iterable[FormProblem]) -> FormRefusedError:
    """Refuse a form, with the items and the two totals that its author must look at."""
    refusal = FormRefusedError()
    refusal.finding(_finding(problem) for problem in problems)
    return refusal


def scales_refused(problems: Iterable[CustomScaleProblem]) -> ScaleRefusedError:
    """Refuse scales, each with the field that is wrong."""
    refusal = ScaleRefusedError()
    refusal.finding(
        {
            "pointer": "/".join(_place(problem)),
            "code": problem.code.value.replace("_", "-"),
            "detail": _OF_SCALE[problem.code],
        }
        for problem in problems
    )
    return refusal


def _place(problem: CustomScaleProblem) -> Iterator[str]:
    # As in every problem document: a place is named as it was sent, and no more of it than anybody reads.
    yield "#/scales"
    for part in (problem.scale, problem.field):
        if part:
            yield part[:64].encode("ascii", "replace").decode().replace("~", "~0").replace("/", "~1")


def _finding(problem: FormProblem) -> dict[str, Any]:
    pointer, sentence = _OF_FORM[problem.code]
    found: dict[str, Any] = {
        "pointer": pointer,
        "code": problem.code.value.replace("_", "-"),
        "detail": Words(
            sentence.message,
            items=", ".join(str(number) for number in problem.items),
            stated=problem.stated_total or 0,
            computed=problem.computed_total or 0,
        ),
    }
    if problem.items:
        found["items"] = list(problem.items)
    if problem.code is ProblemCode.TOTAL_DIFFERS:
        found |= {"stated_total": problem.stated_total, "computed_total": problem.computed_total}
    return found
