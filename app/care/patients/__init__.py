"""Who the patient is: registration, enrolment of devices, sign-in."""
