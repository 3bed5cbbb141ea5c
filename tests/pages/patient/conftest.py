"""What the tests of patients' pages share: a patient of the file's clinic, and a browser without scripts."""

from tests.support.page_fixtures import patient, plain

__all__ = ["patient", "plain"]
