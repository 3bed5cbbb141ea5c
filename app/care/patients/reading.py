"""From what was sent about a patient to values, by the rules of the API's requests.

Raises, of each: InvalidRequestError when it cannot be read.
"""

from collections.abc import Mapping

from app.care.patients.registering import Registration
from app.care.patients.reminding import ChoicesChange
from app.care.patients.schemas import PatientChange, PatientRegistration, ReminderChange
from app.care.patients.service import DetailsChange
from app.web.reading import read_as


def read_registration(sent: Mapping[str, object]) -> Registration:
    """Read a patient to be."""
    return read_as(PatientRegistration, sent).registration()


def read_details_change(sent: Mapping[str, object]) -> DetailsChange:
    """Read what to change of a patient's zone, language and e-mail."""
    return read_as(PatientChange, sent).change()


def read_reminders(sent: Mapping[str, object]) -> ChoicesChange:
    """Read how one wants to be asked: what it changes."""
    return read_as(ReminderChange, sent).applied_to
