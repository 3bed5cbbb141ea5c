"""What the tests of staff's pages share: members of the file's clinic, signed in without scripts."""

from tests.support.page_fixtures import as_role, clinician, kim, lee, patient, plain

__all__ = ["as_role", "clinician", "kim", "lee", "patient", "plain"]
