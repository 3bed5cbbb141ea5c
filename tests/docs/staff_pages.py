"""The page docs/permissions.md, made from the one table of permissions and the routes that ask for them."""

from pathlib import Path
from typing import Final

from app.access.clinics.permissions import PERMISSIONS_MATRIX, Permission, StaffRole
from tests.docs.clinical_pages import MADE, table
from tests.house.test_every_route_says_who_may import who_may
from tests.support.the_api import the_api

PAGE: Final = Path(__file__).parents[2] / "docs" / "permissions.md"
ROLES: Final = {
    StaffRole.OWNER: "owner",
    StaffRole.CLINICIAN: "clinician",
    StaffRole.COORDINATOR: "coordinator",
    StaffRole.READ_ONLY: "read only",
}


def who_may_what_page() -> str:
    """Permissions by role and scope, then every call and page with the permission that it asks for."""
    parts = [
        MADE,
        "# The permissions matrix",
        (
            "A member of the staff has a role, an API key has scopes; every call and every page of the care team asks "
            "for one permission. *In an emergency* a coordinator or reader has a permission for one patient and one "
            "hour ([staff](staff.md)). Patients' own calls ask for the patient's own device and stand in "
            "[the API](api.md)."
        ),
        "## The permissions",
        table([("permission", "to…", *ROLES.values(), "scope of a key"), *map(_permission_row, Permission)]),
        "## What each call asks for",
        table([("call", "permission"), *_asked("/v1/")]),
        "## What each page asks for",
        (
            "What someone may not do is not offered, and refused all the same. Signing in, joining and the own account "
            "ask for no permission."
        ),
        table([("page", "permission"), *_asked("/care/")]),
    ]
    return "\n\n".join(parts) + "\n"


def _permission_row(permission: Permission) -> tuple[str, ...]:
    who = PERMISSIONS_MATRIX[permission]
    in_emergency = "in an emergency" if who.in_emergency else ""
    cells = ("yes" if role in who.roles else _for_others(role, in_emergency) for role in ROLES)
    return (f"`{permission.name}`", permission.value, *cells, f"`{who.scope}`" if who.scope else "none")


def _for_others(role: StaffRole, in_emergency: str) -> str:
    return in_emergency if role in PERMISSIONS_MATRIX[Permission.EMERGENCY].roles else ""


def _asked(start: str) -> list[tuple[str, ...]]:
    return sorted(
        (f"`{name}`", f"`{Permission(said[0]).name}`")
        for name, said in who_may(the_api().routes).items()
        if f" {start}" in name and said and said[0] in PERMISSIONS_MATRIX
    )


def main() -> None:
    """Write the page."""
    PAGE.write_text(who_may_what_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
