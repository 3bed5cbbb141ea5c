"""The wording of the questionnaires that patients answer themselves, exactly as their authors published it.

PHQ-9 and GAD-7 may be shipped ("No permission required to reproduce, translate, display or distribute"), with
their copyright line; no other scale's wording may. The Spanish is the authors' own for the United States. Not
a word may be changed: the totals were validated with these. The authors' German and French are not here until
someone has their files: what circulates under their name differs from copy to copy. Source: phqscreeners.com.
The question at the end about how difficult it was is not scored, and is not asked.

The form about long exposure is ours, and is asked only where the clinic has switched it on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.clinical.long_exposure import LONG_EXPOSURE
from app.clinical.scales import GAD_7, PHQ_9, Scale
from app.foundation.errors import NotFoundError
from app.foundation.translations import SOURCE_LANGUAGE, Words, written


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A questionnaire in one language: items in their order, answers from 0 up."""

    title: str
    instructions: str
    items: tuple[str, ...]
    answers: tuple[str, ...]
    copyright: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Questionnaire:
    """A scale with its wording in one language."""

    scale: Scale
    language: str
    wording: Wording


_FREQUENCIES: Final = {
    "en": ("Not at all", "Several days", "More than half the days", "Nearly every day"),
    "es": ("Ningún día", "Varios días", "Más de la mitad de los días", "Casi todos los días"),
}
_COPYRIGHT: Final = {
    "en": (
        "© Pfizer Inc. Developed by Drs. Robert L. Spitzer, Janet B.W. Williams, Kurt Kroenke and "
        "colleagues, "
        "with an educational grant from Pfizer Inc. "
        "No permission required to reproduce, translate, display or distribute."
    ),
    "es": (
        "© Pfizer Inc. Elaborado por los doctores Robert L. Spitzer, Janet B.W. Williams, Kurt Kroenke y "
        "colegas, "
        "mediante una subvención educativa otorgada por Pfizer Inc. "
        "No se requiere permiso para reproducir, traducir, presentar o distribuir."
    ),
}
_PHQ_9: Final = {
    "en": Wording(
        title="Patient Health Questionnaire-9 (PHQ-9)",
        instructions=(
            "Over the last 2 weeks, how often have you been bothered by any of the following problems?"
        ),
        items=(
            "Little interest or pleasure in doing things",
            "Feeling down, depressed, or hopeless",
            "Trouble falling or staying asleep, or sleeping too much",
            "Feeling tired or having little energy",
            "Poor appetite or overeating",
            "Feeling bad about yourself — or that you are a failure or have let yourself or your family down",
            "Trouble concentrating on things, such as reading the newspaper or watching television",
            (
                "Moving or speaking so slowly that other people could have noticed? Or the opposite — "
                "being so "
                "fidgety or restless that you have been moving around a lot more than usual"
            ),
            "Thoughts that you would be better off dead or of hurting yourself in some way",
        ),
        answers=_FREQUENCIES["en"],
        copyright=_COPYRIGHT["en"],
    ),
    "es": Wording(
        title="Cuestionario sobre la salud del paciente-9 (PHQ-9)",
        instructions=(
            "Durante las últimas 2 semanas, ¿qué tan seguido ha tenido molestias debido a los siguientes "
            "problemas?"
        ),
        items=(
            "Poco interés o placer en hacer cosas",
            "Se ha sentido decaído(a), deprimido(a) o sin esperanzas",
            "Ha tenido dificultad para quedarse o permanecer dormido(a), o ha dormido demasiado",
            "Se ha sentido cansado(a) o con poca energía",
            "Sin apetito o ha comido en exceso",
            (
                "Se ha sentido mal con usted mismo(a) \N{EN DASH} o que es un fracaso o que ha quedado "
                "mal con "
                "usted mismo(a) o con su familia"
            ),
            (
                "Ha tenido dificultad para concentrarse en ciertas actividades, tales como leer el "
                "periódico o "
                "ver la televisión"
            ),
            (
                "¿Se ha movido o hablado tan lento que otras personas podrían haberlo notado? o lo contrario "
                "\N{EN DASH} muy inquieto(a) o agitado(a) que ha estado moviéndose mucho más de lo normal"
            ),
            "Pensamientos de que estaría mejor muerto(a) o de lastimarse de alguna manera",
        ),
        answers=_FREQUENCIES["es"],
        copyright=_COPYRIGHT["es"],
    ),
}
_GAD_7: Final = {
    "en": Wording(
        title="Generalized Anxiety Disorder-7 (GAD-7)",
        instructions="Over the last 2 weeks, how often have you been bothered by the following problems?",
        items=(
            "Feeling nervous, anxious or on edge",
            "Not being able to stop or control worrying",
            "Worrying too much about different things",
            "Trouble relaxing",
            "Being so restless that it is hard to sit still",
            "Becoming easily annoyed or irritable",
            "Feeling afraid as if something awful might happen",
        ),
        answers=_FREQUENCIES["en"],
        copyright=_COPYRIGHT["en"],
    ),
    "es": Wording(
        title="Trastorno de ansiedad generalizada-7 (GAD-7)",
        instructions=(
            "Durante las últimas 2 semanas, ¿qué tan seguido ha tenido molestias debido a los siguientes "
            "problemas?"
        ),
        items=(
            "Se ha sentido nervioso(a), ansioso(a) o con los nervios de punta",
            "No ha sido capaz de parar o controlar su preocupación",
            "Se ha preocupado demasiado por motivos diferentes",
            "Ha tenido dificultad para relajarse",
            "Se ha sentido tan inquieto(a) que no ha podido quedarse quieto(a)",
            "Se ha molestado o irritado fácilmente",
            "Ha tenido miedo de que algo terrible fuera a pasar",
        ),
        answers=_FREQUENCIES["es"],
        copyright=_COPYRIGHT["es"],
    ),
}
_HOW_OFTEN: Final = {
    "en": ("Not at all", "Once or twice", "Several times", "Most days"),
    "es": ("Nunca", "Una o dos veces", "Varias veces", "Casi todos los días"),
    "de": ("Gar nicht", "Ein- oder zweimal", "Mehrmals", "An den meisten Tagen"),
    "fr": ("Jamais", "Une ou deux fois", "Plusieurs fois", "La plupart des jours"),
}
_LONG_EXPOSURE: Final = {
    "en": Wording(
        title="Questions about long-term treatment",
        instructions=(
            "Some people who are given ketamine for a long time notice the following. Your care team asks "
            "everyone. "
            "In the last 4 weeks, how often was this so for you?"
        ),
        items=(
            "I had to pass urine much more often than I used to, or could hardly wait",
            "It hurt or burned when I passed urine, or there was blood in it",
            "I felt a strong wish to take ketamine",
            "I used ketamine that this clinic had not given me or prescribed",
            "I forgot things, or found it harder to remember than I used to",
        ),
        answers=_HOW_OFTEN["en"],
        copyright=(
            "Wording by Afterglow. Not a validated scale and not a diagnosis: your care team reads the "
            "answers."
        ),
    ),
    "es": Wording(
        title="Preguntas sobre un tratamiento largo",
        instructions=(
            "Algunas personas que reciben ketamina durante mucho tiempo notan lo siguiente. Su equipo se "
            "lo pregunta "
            "a todos. En las últimas 4 semanas, ¿con qué frecuencia le ha pasado esto?"
        ),
        items=(
            "He tenido que orinar mucho más a menudo que antes, o apenas podía esperar",
            "Me ha dolido o ardido al orinar, o ha habido sangre en la orina",
            "He sentido muchas ganas de tomar ketamina",
            "He usado ketamina que esta clínica no me había dado ni recetado",
            "He olvidado cosas, o me ha costado recordar más que antes",
        ),
        answers=_HOW_OFTEN["es"],
        copyright=(
            "Redacción de Afterglow. No es una escala validada ni un diagnóstico: su equipo lee las "
            "respuestas."
        ),
    ),
    "de": Wording(
        title="Fragen zu einer langen Behandlung",
        instructions=(
            "Manche Menschen, die über lange Zeit Ketamin bekommen, bemerken Folgendes. Ihr "
            "Behandlungsteam fragt alle danach. "
            "Wie oft traf das in den letzten 4 Wochen auf Sie zu?"
        ),
        items=(
            "Ich musste viel häufiger als früher Wasser lassen oder konnte es kaum zurückhalten",
            "Es hat beim Wasserlassen wehgetan oder gebrannt, oder es war Blut im Urin",
            "Ich hatte ein starkes Verlangen, Ketamin zu nehmen",
            "Ich habe Ketamin genommen, das diese Klinik mir weder gegeben noch verschrieben hat",
            "Ich habe Dinge vergessen oder konnte mich schlechter erinnern als früher",
        ),
        answers=_HOW_OFTEN["de"],
        copyright=(
            "Wortlaut von Afterglow. Keine validierte Skala und keine Diagnose: Ihr Behandlungsteam "
            "liest die Antworten."
        ),
    ),
    "fr": Wording(
        title="Questions sur un traitement au long cours",
        instructions=(
            "Certaines personnes qui reçoivent de la kétamine pendant longtemps remarquent ce qui suit. "
            "Votre équipe soignante le demande à tout le monde. "
            "Au cours des 4 dernières semaines, à quelle fréquence cela vous est-il arrivé ?"
        ),
        items=(
            "J'ai dû uriner beaucoup plus souvent qu'avant, ou j'avais du mal à me retenir",
            "J'ai eu mal ou une brûlure en urinant, ou il y avait du sang dans mes urines",
            "J'ai eu une forte envie de prendre de la kétamine",
            "J'ai pris de la kétamine que cette clinique ne m'avait ni donnée ni prescrite",
            "J'ai oublié des choses, ou j'ai eu plus de mal qu'avant à me souvenir",
        ),
        answers=_HOW_OFTEN["fr"],
        copyright=(
            "Rédigé par Afterglow. Ce n'est ni une échelle validée ni un diagnostic : votre équipe "
            "soignante lit les réponses."
        ),
    ),
}
WORDINGS: Final[Mapping[str, Mapping[str, Wording]]] = {
    PHQ_9.key: _PHQ_9,
    GAD_7.key: _GAD_7,
    LONG_EXPOSURE.key: _LONG_EXPOSURE,
}
_SCALES: Final = {scale.key: scale for scale in (PHQ_9, GAD_7, LONG_EXPOSURE)}


def questionnaire(key: str, *, locale: str) -> Questionnaire:
    """Give a questionnaire in a language (``es-MX`` reads as ``es``, one that we do not have as English).

    Raises:
        NotFoundError: no wording of this scale is shipped.
    """
    if key not in WORDINGS:
        raise NotFoundError
    wordings = WORDINGS[key]
    asked = locale.replace("_", "-").partition("-")[0].lower()
    language = asked if asked in wordings else SOURCE_LANGUAGE
    return Questionnaire(scale=_SCALES[key], language=language, wording=wordings[language])


def worded(key: str, part: Callable[[Wording], str]) -> Words:
    """Give a part of a questionnaire's wording, in each reader's language that it is shipped in."""
    return written(
        part(WORDINGS[key][SOURCE_LANGUAGE]),
        lambda language: part(questionnaire(key, locale=language).wording),
    )


def all_questionnaires(*, locale: str, long_exposure: bool) -> list[Questionnaire]:
    """Give every questionnaire that a patient may answer; the one about long exposure where the clinic asks it."""
    return [
        questionnaire(key, locale=locale) for key in WORDINGS if long_exposure or key != LONG_EXPOSURE.key
    ]
