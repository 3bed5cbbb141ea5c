"""The page of permissions matrix is what the table says."""

from app.access.clinics.permissions import Permission, Scope, StaffRole
from tests.docs.staff_pages import PAGE, ROLES, who_may_what_page


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == who_may_what_page(), "`make docs` writes it again"


def test_every_permission_role_and_scope_is_on_it() -> None:
    page = who_may_what_page()
    assert set(ROLES) == set(StaffRole)
    for name in (*(one.name for one in Permission), *Scope):
        assert f"`{name}`" in page
