"""Who may open which page about a patient."""

from typing import Annotated

from fastapi import Depends

from app.care_pages.visitor import StaffVisitor, staff_may
from app.clinics.permissions import Permission

MayRead = Annotated[StaffVisitor, Depends(staff_may(Permission.PATIENTS_READ))]
MayEdit = Annotated[StaffVisitor, Depends(staff_may(Permission.PATIENTS_EDIT))]
MayRecord = Annotated[StaffVisitor, Depends(staff_may(Permission.TREATMENT_RECORD))]
MayDecide = Annotated[StaffVisitor, Depends(staff_may(Permission.TREATMENT_DECIDE))]
