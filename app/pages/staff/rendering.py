"""Making a page: the staff's templates and files, with what stands on every page."""

from pathlib import Path
from typing import Final

from app.access.clinics.permissions import Permission
from app.access.clinics.staff_sessions import IDLE
from app.chart.drawing import STYLE_SOURCE
from app.foundation.errors import RefusalError
from app.foundation.translations import SPANISH_WITH_POINT, STAFF_LANGUAGES, direction, say
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.worklist_words import initials
from app.web.pages.answers import PageAnswer
from app.web.pages.forms import TOKEN_FIELD
from app.web.pages.page_route import status_of
from app.web.pages.templates import SHARED_FILES, StaticFiles, template_environment

_HERE: Final = Path(__file__).parent
TEMPLATES: Final = {
    locale: template_environment(_HERE / "templates", language=locale)
    for locale in (*STAFF_LANGUAGES, SPANISH_WITH_POINT)
}
FILES: Final = StaticFiles("/care/static/", [SHARED_FILES, _HERE / "static"])


def render(
    visitor: StaffVisitor, template: str, *, here: str, status: int = 200, **values: object
) -> PageAnswer:
    """Make a page; ``here`` is its own path, so that the menu can say where one is.

    A template asks ``may("SIGNALS_CLOSE")`` before it offers what not everybody may.
    """
    text = (
        TEMPLATES[visitor.locale]
        .get_template(template)
        .render(
            language=visitor.language,
            direction=direction(visitor.language),
            languages=STAFF_LANGUAGES,
            can_switch=visitor.can_switch,
            address_in=visitor.address_in,
            files=FILES.paths,
            here=here,
            name=_name(visitor),
            initials=initials,
            may=lambda permission: visitor.may(Permission[permission]),
            idle=int(IDLE.total_seconds()),
            hidden={TOKEN_FIELD: visitor.token},
            **{"clinic": _clinic(visitor), **values},
        )
    )
    answer = PageAnswer(text, status)
    answer.allow_style(STYLE_SOURCE)
    if visitor.frames:
        answer.allow_frames(visitor.frames)
    visitor.keep_cookies(answer)
    return answer


def render_dead_link(visitor: StaffVisitor, error: RefusalError) -> PageAnswer:
    """Make the page of a link that was sent to someone and opens nothing any more."""
    return render(
        visitor,
        "message.html",
        here="",
        status=status_of(error),
        title=say("This link does not work"),
        sentence=error.message(),
    )


def _clinic(visitor: StaffVisitor) -> str:
    """Give the name of the clinic whose page this is, or the product's while nobody is signed in."""
    if visitor.caller is None or visitor.caller.member is None:
        return "Afterglow"
    return visitor.caller.member.clinic_name


def _name(visitor: StaffVisitor) -> str:
    """Give the signed-in member's name, or an empty text."""
    if visitor.caller is None or visitor.caller.member is None:
        return ""
    return visitor.context.vault.open(
        visitor.caller.member.name_sealed,
        table="staff_members",
        column="name",
        clinic_id=visitor.caller.clinic_id,
        row_id=visitor.caller.id,
    )
