"""Who may open which page about a patient."""

from typing import Annotated

from app.access.clinics.permissions import Permission
from app.pages.staff.visitor import StaffVisitor, staff_may

MayRead = Annotated[StaffVisitor, staff_may(Permission.PATIENTS_READ)]
MayEdit = Annotated[StaffVisitor, staff_may(Permission.PATIENTS_EDIT)]
MayRecord = Annotated[StaffVisitor, staff_may(Permission.TREATMENT_RECORD)]
MayDecide = Annotated[StaffVisitor, staff_may(Permission.TREATMENT_DECIDE)]
