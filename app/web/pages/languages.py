"""Which of our languages to speak: as chosen, else as the person's locale, else as the browser asks."""

from collections.abc import Collection


def language_for(
    spoken: Collection[str], *, chosen: str, locale: str | None, accepted: str, default: str = "en"
) -> str:
    """Choose a language.

    Args:
        spoken: the languages that there are.
        chosen: what the person switched to on a page, or an empty text.
        locale: the signed-in person's own, such as ``es-MX``.
        accepted: the browser's ``Accept-Language``.
        default: when none of these is spoken.
    """
    wanted = [chosen, locale or "", *_in_order(accepted)]
    return next((tongue for one in wanted if (tongue := _tongue(one)) in spoken), default)


def _tongue(tag: str) -> str:
    return tag.strip().replace("_", "-").partition("-")[0].lower()


def _in_order(accepted: str) -> list[str]:
    weighed = []
    for part in accepted.split(",")[:20]:
        tag, _, weight = part.partition(";")
        weighed.append((_weight(weight), tag))
    return [tag for weight, tag in sorted(weighed, key=lambda one: -one[0]) if weight > 0]


def _weight(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=")) if text.strip() else 1.0
    except ValueError:
        return 0.0
