"""The words of an explanation, in English and Spanish: templates whose numbers come from reasons alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from string import Formatter
from typing import Final

from app.clinical.english_formats import MONTHS, day_in, days_from_to, ordinal, percent
from app.clinical.profiles import CAUTION_NAMES, Caution

_MONTHS_ES: Final = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
_CAUTIONS_ES: Final[Mapping[Caution, str]] = {
    Caution.UNCONTROLLED_HYPERTENSION: "hipertensión no controlada",
    Caution.CARDIAC_DISEASE: "enfermedad cardíaca",
    Caution.UNCONTROLLED_THYROID_DISEASE: "enfermedad tiroidea no controlada",
    Caution.SUBSTANCE_USE_DISORDER: "trastorno por consumo de sustancias",
    Caution.MANIA: "manía",
    Caution.PSYCHOSIS: "psicosis",
    Caution.PRIOR_ADVERSE_REACTION: "reacción adversa previa",
    Caution.URINARY_SYMPTOMS: "síntomas urinarios",
    Caution.BLOOD_PRESSURE_ABOVE_140_90: "presión arterial superior a 140/90",
    Caution.PREGNANCY: "embarazo",
}
_TO: Final = "\N{EN DASH}"
_NBSP: Final = "\N{NO-BREAK SPACE}"


class _Commas(Formatter):
    """Fills in numbers as Spanish writes them."""

    def format_field(self, value: object, format_spec: str) -> str:
        text = format(value, format_spec)
        return text.replace(".", ",") if isinstance(value, float) else text


_WITH_COMMAS: Final = _Commas()


@dataclass(frozen=True, slots=True)
class Language:
    """How one language writes days, shares, counts and lists, and its templates by name."""

    code: str
    templates: Mapping[str, str]
    nouns: Mapping[str, tuple[str, str]]
    last_comma: str
    decimal_comma: bool = False

    def say(self, name: str, /, **facts: object) -> str:
        """A template with its numbers."""
        floats = any(isinstance(fact, float) for fact in facts.values())
        if not (self.decimal_comma and floats):
            return self.templates[name].format(**facts)
        return _WITH_COMMAS.vformat(self.templates[name], (), facts)

    def has(self, name: str) -> bool:
        """Whether there is such a template."""
        return name in self.templates

    def count(self, number: float, noun: str) -> str:
        """A count with its noun: "1 day", "3 days"."""
        one, many = self.nouns[noun]
        return f"{self.number(number)} {one if number == 1 else many}"

    def number(self, number: float, form: str = "g") -> str:
        """A number: "7.5" or "7,5"."""
        text = format(number, form)
        return text.replace(".", ",") if self.decimal_comma else text

    def listed(self, parts: Sequence[str]) -> str:
        """Words in a row: "24, 31 and 29"."""
        if len(parts) < 2:  # noqa: PLR2004 - one alone needs no "and"
            return "".join(parts)
        return f"{', '.join(parts[:-1])}{self.last_comma}{parts[-1]}"

    def day(self, day: date, year: int) -> str:
        """A day, with its year when that is another one."""
        if self.code == "en":
            return day_in(day, year=year)
        written = f"{day.day} {_MONTHS_ES[day.month - 1]}"
        return written if day.year == year else f"{written} {day.year}"

    def span(self, first: date, last: date, year: int) -> str:
        """From a day to a day."""
        if self.code == "en":
            return days_from_to(first, last, year=year)
        if first == last:
            return self.day(first, year)
        return f"{self.day(first, year)} {_TO} {self.day(last, year)}"

    def month(self, day: date) -> str:
        """A month's name."""
        return MONTHS[day.month - 1] if self.code == "en" else _MONTHS_ES[day.month - 1]

    def share(self, share: float) -> str:
        """Whole percent: "61%" or "61 %"."""
        return percent(share) if self.code == "en" else percent(share).replace("%", f"{_NBSP}%")

    def caution(self, caution: Caution) -> str:
        """A precaution's name."""
        return CAUTION_NAMES[caution] if self.code == "en" else _CAUTIONS_ES[caution]

    def nth(self, number: int) -> str:
        """A place in an order."""
        return ordinal(number) if self.code == "en" else f"{number}.ª"


ENGLISH: Final = Language(
    code="en",
    nouns={
        "day": ("day", "days"),
        "check-in day": ("check-in day", "check-in days"),
        "infusion": ("infusion", "infusions"),
    },
    last_comma=" and ",
    templates={
        "mood": "mood",
        "energy": "energy",
        "sleep_quality": "sleep",
        "hours": "{hours:g} h of sleep",
        "who": "{who}: ",
        "steady_without_infusion": "The signal of {on} became steady without a recorded infusion.",
        "consider_booster": "Consider a booster.",
        "watch": "Watch.",
        "steady": "Stable.",
        "unknown": "Unknown.",
        "no_reference": "Not enough data yet.",
        "lost": "{share} of the gain{domain} is lost{raised}{against}.",
        "lost_none": "None of the gain{domain} is lost.",
        "in_domain": " in {domain}",
        "when_raised": " ({share} when raised {on})",
        "nothing_against": "; nothing contradicts it",
        "against": "; against: {what}",
        "call_by": "Call by {on}.",
        "worse": "Worse than before treatment: {what}. Not a booster question: call today.",
        "worse_domain": "{domain} {reports}; {before:.1f} before",
        "elevated": "Elevated mood{sleep} on {on}: mood {mood:g}, energy {energy:g}. Assess; not a booster question.",
        "elevated_sleep": " with {hours:g} h of sleep",
        "was_elevated": "Mood was elevated until {on}: assess first.",
        "silent": "Two low days, then silence: call.",
        "disagree": "Check-ins and {scale} disagree: {scale} {total:g} on {on}.",
        "disagree_waits": "The signal waits for a repeat until {until}.",
        "disagree_quiet": "No signal until {until}; set the reference again from the last 14 days?",
        "not_holding": "{every} boosters have held {held} {days}: review the plan rather than repeat.",
        "not_holding_one": "The booster of {on} held {held} {days}: review rather than repeat.",
        "every_7": "Weekly",
        "every_14": "Fortnightly",
        "every_28": "Monthly",
        "every_other": "The last",
        "held_range": "{least} to {most}",
        "below_best": "{points:.1f} points below the best ({best:.1f} in {month}).",
        "unknown_since": "No check-in since {on} ({days}); the last said {level}.",
        "no_report_since_infusion": "Booster {on}; no report since.",
        "said_steady": "well",
        "said_watch": "watch",
        "said_consider_booster": "consider a booster",
        "said_no_reference": "nothing yet",
        "no_gain": "No improvement was measured: check-ins cannot show a loss. Use a PHQ-9.",
        "missing_not_treated": "No infusion has been recorded.",
        "missing_no_induction_infusion": "No induction infusion has been recorded.",
        "missing_induction_running": "Induction is running.",
        "missing_window_open": "The reference window is open until {until} ({n_days} so far).",
        "missing_too_few_days": "There were check-ins on only {n_days} by {until}; {days_needed} are needed.",
        "missing_booster_closed_window": (
            "A booster closed the reference window after check-ins on {n_days}; {days_needed} are needed."
        ),
        "missing_proposed": (
            "Taken on {taken_on}; {first} to {last} is proposed as the reference: accept it or name other days."
        ),
        "missing_taken_on_awaiting_reference": (
            "Taken on {taken_on}; name a stable period (7 of 10 days answered)."
        ),
        "report": "{on}: {answers}",
        "report_hours": "{hours:g} h of sleep",
        "then_now": "{domain} {now} now, {after} after induction ({n_after}), {before} before",
        "not_known": "not known",
        "usual": "usual",
        "from_days": "{days}",
        "low_run": "Low on {days} in a row since {on}.",
        "domains_lost": "Lost of the gain: {what}.",
        "domain_share": "{domain} {share}",
        "threshold": "Raised from {threshold}, smoothed.",
        "watch_from": "Watch from {threshold}, smoothed.",
        "still_watching": "Steady again below {threshold} on two check-in days.",
        "domain_watch": "{domain} alone: {share} lost, watch from {threshold}.",
        "domain_consider": "{domain} alone: {share} lost, raised from {threshold}.",
        "domain_still": "{domain} alone: {share} lost; steady again below {threshold}.",
        "ask_scale": "{scale} requested.",
        "asked": "The patient asked about a booster on {on}.",
        "gain_too_small": "The gain was {gain:.1f} points: below {least:g} it is too small to say more than watch.",
        "last_days_better": "Not each of the last two check-in days shows {share} lost",
        "too_few_recent_days": "{have} check-in days count in the last {within}; {needed} are needed",
        "recurs": "{times} earlier losses recovered in {shortest}{to}{longest} days{apart}",
        "recurs_apart": ", {days} days apart",
        "total_against": "{scale} {total:g} on {on}",
        "no_total_since": "{scale}: no total since the reference.",
        "below_threshold": "{scale} {total:g} on {on}, below its threshold of {threshold:g}.",
        "one_crossing": (
            "{scale} {total:g} on {on}, at or above its threshold of {threshold:g}: a repeat is requested earlier."
        ),
        "crossings_too_close": (
            "{scale} {total:g} on {on}, at or above its threshold of {threshold:g}, {count} times in {days}: "
            "too close together."
        ),
        "crossings_confirmed": (
            "{scale} {total:g} on {on}, at or above its threshold of {threshold:g}, {count} times over {days}."
        ),
        "last_total_old": (
            "{scale} {total:g} on {on}, at or above its threshold of {threshold:g}, but {days} ago: "
            "a repeat is requested."
        ),
        "no_baseline": "{scale} has no baseline: its relapse level alone is the threshold.",
        "infusion_today": "Last infusion today ({on})",
        "infusion_ago": "Last infusion {days} ago ({on})",
        "infusion_counts": ", the {nth} in 365 days ({month} in 30, {quarter} in 90)",
        "earlier": "; earlier responses lasted {held} days",
        "about": "; about {count} more before the patient was taken on",
        "precautions": "Active precautions: {what}.",
        "planned": (
            "By the taper plan the next booster is for {on}: {days} after the infusion of {since}{step}{benefits}."
        ),
        "planned_step": ", step {step} of {steps}",
        "planned_benefits": "; at this interval so far: {what}",
        "planned_held": "at least {days} from {on}",
        "planned_lost": "{held} {days} from {on}, lost",
        "planned_unseen": "not observed from {on}",
        "taper_step_held": "{held} of {wanted} intervals of {interval} in a row were held.",
        "taper_step_not_complete": "{held} of {wanted} intervals of this length were held so far.",
        "taper_longest_interval_held": (
            "{held} of {wanted} intervals of {interval}, the plan's longest, were held."
        ),
        "taper_no_reference": "There is no reference, so nothing can be said of how intervals went.",
        "taper_not_observed": "Too few of the asked days were answered to say how the interval went.",
        "taper_finding_open": "Findings are open for review: {held}.",
        "taper_being_watched": "The patient is not steady now.",
        "taper_lost_once": "The benefit was lost within the interval once, after {days} days.",
        "taper_lost_in_a_row": "The benefit was lost within the interval in a row, after {days} days.",
        "taper_booster_did_not_hold": (
            "The last booster's benefit lasted {days} days: review rather than repeat."
        ),
        "taper_frequency_already_rising": (
            "Boosters grow more frequent: {held} lately, {wanted} in as long before."
        ),
        "taper_caution_open": "Cautions are open: {held}.",
        "taper_no_shorter_step": "The plan has no shorter step.",
        "taper_move_lengthen": "Consider lengthening the interval to {interval}.",
        "taper_move_hold": "Hold the interval of {interval}.",
        "taper_move_shorten": "Consider shortening the interval to {interval}.",
        "taper_as_needed": "Consider boosters as needed, without a fixed interval.",
        "did_not_hold": "The booster of {on} has lasted {days}; review rather than repeat.",
        "days_in_10": "{days} in the last 10 days",
        "asked_answered": "; {answered} of {asked} asked days answered",
        "answering_fell": "{answered} of {asked} asked days answered, {before} of {asked_before} before.",
        "assumed": "The level before treatment is assumed.",
        "small_gain": "Small gain ({gain:.1f} points): raised from {threshold}.",
        "falling": (
            "Loss began inside the reference window: it rests on its first {days}. Of patients marked so, most "
            "who lose nothing get a false signal."
        ),
        "domain_off": "{domain} does not count: answered on {n_days} of the window, {needed} are needed.",
        "not_asked_since": "{scale} not asked since {on}.",
        "would_change": "What would have changed it: {a} {domain} of {report} or more on {days}.",
        "a_mood": "a",
        "a_energy": "an",
        "a_sleep_quality": "a",
        "mood_report": "mood",
        "energy_report": "energy",
        "sleep_quality_report": "sleep quality",
        "either_day": "either of the last two days",
        "last_day": "the last day",
        "no_counterfactual": "No other single answer on the last two days would have changed it.",
        "small_print": "Smoothed over about 5 days; rule {rule}{reference}{last}; as of {as_of}.",
        "reference": "; reference {span} ({days}){falling}{chosen}",
        "falling_mark": ", falling already",
        "chosen_mark": ", set by a clinician",
        "last_report": "; last report {on}",
        "review": "For review by a clinician.",
    },
)

SPANISH: Final = Language(
    code="es",
    decimal_comma=True,
    nouns={
        "day": ("día", "días"),
        "check-in day": ("día con registro", "días con registro"),
        "infusion": ("infusión", "infusiones"),
    },
    last_comma=" y ",
    templates={
        "mood": "ánimo",
        "energy": "energía",
        "sleep_quality": "sueño",
        "hours": "{hours:g} h de sueño",
        "who": "{who}: ",
        "steady_without_infusion": "La señal del {on} se estabilizó sin una infusión registrada.",
        "consider_booster": "Considere un refuerzo.",
        "watch": "Vigilar.",
        "steady": "Estable.",
        "unknown": "Se desconoce.",
        "no_reference": "Aún no hay datos suficientes.",
        "lost": "Se ha perdido el {share} de la mejoría{domain}{raised}{against}.",
        "lost_none": "No se ha perdido nada de la mejoría{domain}.",
        "in_domain": " en {domain}",
        "when_raised": " ({share} cuando se avisó el {on})",
        "nothing_against": "; nada lo contradice",
        "against": "; en contra: {what}",
        "call_by": "Llame antes del {on}.",
        "worse": "Peor que antes del tratamiento: {what}. No es cuestión de un refuerzo: llame hoy.",
        "worse_domain": "{domain} {reports}; {before:.1f} antes",
        "elevated": (
            "Ánimo elevado{sleep} el {on}: ánimo {mood:g}, energía {energy:g}. Evalúe; no es cuestión de un refuerzo."
        ),
        "elevated_sleep": " con {hours:g} h de sueño",
        "was_elevated": "El ánimo estuvo elevado hasta el {on}: evalúe primero.",
        "silent": "Dos días bajos y luego silencio: llame.",
        "disagree": "Los registros y el {scale} no coinciden: {scale} {total:g} el {on}.",
        "disagree_waits": "El aviso espera una repetición hasta el {until}.",
        "disagree_quiet": "Sin aviso hasta el {until}; ¿fijar de nuevo la referencia con los últimos 14 días?",
        "not_holding": "{every} han durado {held} {days}: revise el plan en vez de repetir.",
        "not_holding_one": "El refuerzo del {on} duró {held} {days}: revise en vez de repetir.",
        "every_7": "Los refuerzos semanales",
        "every_14": "Los refuerzos quincenales",
        "every_28": "Los refuerzos mensuales",
        "every_other": "Los últimos refuerzos",
        "held_range": "de {least} a {most}",
        "below_best": "{points:.1f} puntos por debajo de lo mejor ({best:.1f} en {month}).",
        "unknown_since": "Sin registro desde el {on} ({days}); el último decía {level}.",
        "no_report_since_infusion": "Refuerzo el {on}; sin registro desde entonces.",
        "said_steady": "bien",
        "said_watch": "vigilar",
        "said_consider_booster": "considere un refuerzo",
        "said_no_reference": "nada aún",
        "no_gain": "No se midió mejoría: los registros no pueden mostrar una pérdida. Use un PHQ-9.",
        "missing_not_treated": "No consta ninguna infusión.",
        "missing_no_induction_infusion": "No consta ninguna infusión de inducción.",
        "missing_induction_running": "La inducción está en curso.",
        "missing_window_open": "La ventana de referencia está abierta hasta el {until} ({n_days} hasta ahora).",
        "missing_too_few_days": "Hubo registros solo en {n_days} hasta el {until}; se necesitan {days_needed}.",
        "missing_booster_closed_window": (
            "Un refuerzo cerró la ventana de referencia tras registros en {n_days}; se necesitan {days_needed}."
        ),
        "missing_proposed": (
            "En tratamiento aquí desde el {taken_on}; se propone como referencia del {first} al {last}: "
            "acéptela o indique otros días."
        ),
        "missing_taken_on_awaiting_reference": (
            "En tratamiento aquí desde el {taken_on}; indique un período estable (7 de 10 días con respuesta)."
        ),
        "report": "{on}: {answers}",
        "report_hours": "{hours:g} h de sueño",
        "then_now": "{domain} {now} ahora, {after} tras la inducción ({n_after}), {before} antes",
        "not_known": "desconocido",
        "usual": "lo habitual",
        "from_days": "{days}",
        "low_run": "Bajo en {days} seguidos desde el {on}.",
        "domains_lost": "Perdido de la mejoría: {what}.",
        "domain_share": "{domain} {share}",
        "threshold": "Se avisa desde el {threshold}, suavizado.",
        "watch_from": "Se vigila desde el {threshold}, suavizado.",
        "still_watching": "Estable de nuevo por debajo del {threshold} en dos días con registro.",
        "domain_watch": "Solo {domain}: {share} perdido, se vigila desde el {threshold}.",
        "domain_consider": "Solo {domain}: {share} perdido, se avisa desde el {threshold}.",
        "domain_still": "Solo {domain}: {share} perdido; estable de nuevo por debajo del {threshold}.",
        "ask_scale": "Se solicita {scale}.",
        "asked": "El paciente preguntó por un refuerzo el {on}.",
        "gain_too_small": "La mejoría fue de {gain:.1f} puntos: por debajo de {least:g} solo cabe vigilar.",
        "last_days_better": "No los dos últimos días con registro muestran {share} perdido",
        "too_few_recent_days": "{have} días con registro cuentan en los últimos {within}; se necesitan {needed}",
        "recurs": "{times} pérdidas anteriores se recuperaron en {shortest}{to}{longest} días{apart}",
        "recurs_apart": ", con {days} días entre ellas",
        "total_against": "{scale} {total:g} el {on}",
        "no_total_since": "{scale}: ningún total desde la referencia.",
        "below_threshold": "{scale} {total:g} el {on}, por debajo de su umbral de {threshold:g}.",
        "one_crossing": (
            "{scale} {total:g} el {on}, en su umbral de {threshold:g} o por encima: se solicita antes una repetición."
        ),
        "crossings_too_close": (
            "{scale} {total:g} el {on}, en su umbral de {threshold:g} o por encima, {count} veces en {days}: "
            "demasiado seguidas."
        ),
        "crossings_confirmed": (
            "{scale} {total:g} el {on}, en su umbral de {threshold:g} o por encima, {count} veces en {days}."
        ),
        "last_total_old": (
            "{scale} {total:g} el {on}, en su umbral de {threshold:g} o por encima, pero hace {days}: "
            "se solicita una repetición."
        ),
        "no_baseline": "{scale} no tiene nivel previo: solo su nivel de recaída es el umbral.",
        "infusion_today": "Última infusión hoy ({on})",
        "infusion_ago": "Última infusión hace {days} ({on})",
        "infusion_counts": ", la {nth} en 365 días ({month} en 30, {quarter} en 90)",
        "earlier": "; las respuestas anteriores duraron {held} días",
        "about": "; unas {count} más antes de iniciar el seguimiento aquí",
        "precautions": "Precauciones activas: {what}.",
        "planned": (
            "Según el plan, el próximo refuerzo es para el {on}: {days} tras la infusión del {since}{step}{benefits}."
        ),
        "planned_step": ", paso {step} de {steps}",
        "planned_benefits": "; con este intervalo hasta ahora: {what}",
        "planned_held": "al menos {days} desde el {on}",
        "planned_lost": "{held} {days} desde el {on}, perdido",
        "planned_unseen": "no observado desde el {on}",
        "taper_step_held": "Se mantuvieron {held} de {wanted} intervalos seguidos de {interval}.",
        "taper_step_not_complete": (
            "Hasta ahora se mantuvieron {held} de {wanted} intervalos de esta duración."
        ),
        "taper_longest_interval_held": (
            "Se mantuvieron {held} de {wanted} intervalos de {interval}, el más largo del plan."
        ),
        "taper_no_reference": "No hay referencia, así que no se puede decir cómo fueron los intervalos.",
        "taper_not_observed": (
            "Se respondieron muy pocos de los días solicitados para decir cómo fue el intervalo."
        ),
        "taper_finding_open": "Hay hallazgos pendientes de revisión: {held}.",
        "taper_being_watched": "El paciente no está estable ahora.",
        "taper_lost_once": "El beneficio se perdió una vez dentro del intervalo, tras {days} días.",
        "taper_lost_in_a_row": (
            "El beneficio se perdió varias veces seguidas dentro del intervalo, tras {days} días."
        ),
        "taper_booster_did_not_hold": (
            "El beneficio del último refuerzo duró {days} días: revise en vez de repetir."
        ),
        "taper_frequency_already_rising": (
            "Los refuerzos son cada vez más frecuentes: {held} últimamente, {wanted} en el mismo tiempo anterior."
        ),
        "taper_caution_open": "Hay precauciones activas: {held}.",
        "taper_no_shorter_step": "El plan no tiene un paso más corto.",
        "taper_move_lengthen": "Considere alargar el intervalo a {interval}.",
        "taper_move_hold": "Mantenga el intervalo de {interval}.",
        "taper_move_shorten": "Considere acortar el intervalo a {interval}.",
        "taper_as_needed": "Considere refuerzos según necesidad, sin un intervalo fijo.",
        "did_not_hold": "El refuerzo del {on} ha durado {days}; revise en vez de repetir.",
        "days_in_10": "{days} en los últimos 10 días",
        "asked_answered": "; {answered} de {asked} días solicitados con respuesta",
        "answering_fell": "{answered} de {asked} días solicitados con respuesta, antes {before} de {asked_before}.",
        "assumed": "El nivel antes del tratamiento se supone.",
        "small_gain": "Mejoría pequeña ({gain:.1f} puntos): se avisa desde el {threshold}.",
        "falling": (
            "La pérdida empezó dentro de la ventana de referencia: se basa en sus primeros {days}. La mayoría de los "
            "pacientes así marcados que no pierden nada reciben un aviso falso."
        ),
        "domain_off": "{domain} no cuenta: respondido en {n_days} de la ventana, se necesitan {needed}.",
        "not_asked_since": "{scale} no se ha pedido desde el {on}.",
        "would_change": "Lo que lo habría cambiado: {a} {domain} de {report} o más en {days}.",
        "a_mood": "un",
        "a_energy": "una",
        "a_sleep_quality": "una",
        "mood_report": "ánimo",
        "energy_report": "energía",
        "sleep_quality_report": "calidad de sueño",
        "either_day": "cualquiera de los dos últimos días",
        "last_day": "el último día",
        "no_counterfactual": "Ninguna otra respuesta de los dos últimos días lo habría cambiado.",
        "small_print": "Suavizado en unos 5 días; regla {rule}{reference}{last}; a fecha de {as_of}.",
        "reference": "; referencia {span} ({days}){falling}{chosen}",
        "falling_mark": ", ya en descenso",
        "chosen_mark": ", fijada por un clínico",
        "last_report": "; último registro {on}",
        "review": "Para revisión por un clínico.",
    },
)

LANGUAGES: Final[Mapping[str, Language]] = {"en": ENGLISH, "es": SPANISH}
_WITH_POINT: Final = replace(SPANISH, decimal_comma=False)
# Where Spanish is written with a decimal point, by CLDR: Latin America as a whole, and these.
_POINT_IN: Final = frozenset(
    {"419", "BR", "BZ", "CU", "DO", "GT", "HN", "MX", "NI", "PA", "PE", "PR", "SV", "US"}
)


def language_of(locale: str) -> Language:
    """The language of a locale; English where there is no other."""
    language, _, region = locale.replace("_", "-").partition("-")
    found = LANGUAGES.get(language.lower(), ENGLISH)
    return _WITH_POINT if found is SPANISH and region.upper() in _POINT_IN else found
