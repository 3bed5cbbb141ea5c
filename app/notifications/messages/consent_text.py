"""What a patient agrees to, in plain words and by language. A text that was shown never changes.

Other words are a new version: who has agreed to an earlier one is asked again; until then that answer stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentText:
    """One version in one language: what to show, and what to write on the button."""

    version: str
    locale: str
    title: str
    paragraphs: tuple[str, ...]
    accept: str


# 2026-12 names no number: those of the patient's own country stand on every page.
CURRENT_VERSION: Final = "2026-12"
DEFAULT_LANGUAGE: Final = "en"


def consent_text(locale: str, *, version: str = CURRENT_VERSION) -> ConsentText:
    """Give a version in the language of a locale (``es-MX`` reads as ``es``), else in English."""
    language = locale.replace("_", "-").split("-")[0].lower()
    texts = CONSENT_TEXTS[version]
    return texts.get(language, texts[DEFAULT_LANGUAGE])


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


CONSENT_TEXTS: Final[Mapping[str, Mapping[str, ConsentText]]] = {
    "2026-11": {
        "en": ConsentText(
            version="2026-11",
            locale="en",
            title="Before you start",
            paragraphs=_paragraphs("""
                You tell us how your mood, your energy and your sleep are. We keep your answers and compare them with
                your own earlier answers.

                Your clinic's care team sees your answers and what the comparison says. Nobody else does: your
                answers are not sold, and not used for advertising.

                A computer compares your answers when they come in. Your care team looks at them on its working days,
                not at once and not around the clock. People decide about your treatment, not the computer.

                This is not an emergency service. If you are in danger, or think about harming yourself, call or text
                988, call 911, or call your clinic. If you tell us so here, we show you this help and tell your
                clinic, whatever you have agreed to.

                You can stop at any time, here or by telling your clinic, and need to give no reason. From then on we
                take no more answers, send no more reminders and compare nothing. Your treatment goes on as before.

                You can get a copy of everything that is kept about you, and you can ask for it to be erased. Your
                clinic may have to keep its own medical record, as the law demands.
            """),
            accept="I agree",
        ),
        "es": ConsentText(
            version="2026-11",
            locale="es",
            title="Antes de empezar",
            paragraphs=_paragraphs("""
                Usted nos cuenta cómo están su ánimo, su energía y su sueño. Guardamos sus respuestas y las comparamos
                con sus propias respuestas anteriores.

                El equipo de su clínica ve sus respuestas y lo que dice la comparación. Nadie más las ve: sus
                respuestas no se venden ni se usan para publicidad.

                Una computadora compara sus respuestas cuando llegan. Su equipo las mira en sus días de trabajo, no de
                inmediato ni las 24 horas. Sobre su tratamiento deciden personas, no la computadora.

                Esto no es un servicio de emergencia. Si está en peligro o piensa en hacerse daño, llame o envíe un
                mensaje al 988, llame al 911 o llame a su clínica. Si nos lo dice aquí, le mostramos esta ayuda y
                avisamos a su clínica, sin importar lo que haya aceptado.

                Puede dejarlo en cualquier momento, aquí o diciéndoselo a su clínica, sin dar razones. Desde entonces
                no recibimos más respuestas, no enviamos recordatorios y no comparamos nada. Su tratamiento sigue
                igual.

                Puede obtener una copia de todo lo que guardamos sobre usted y puede pedir que se borre. Su clínica
                quizá deba conservar su propia historia médica, como manda la ley.
            """),
            accept="Acepto",
        ),
    },
    "2026-12": {
        "en": ConsentText(
            version="2026-12",
            locale="en",
            title="Before you start",
            paragraphs=_paragraphs("""
                You tell us how your mood, your energy and your sleep are. We keep your answers and compare them with
                your own earlier answers.

                Your clinic's care team sees your answers and what the comparison says. Nobody else does: your
                answers are not sold, and not used for advertising.

                A computer compares your answers when they come in. Your care team looks at them on its working days,
                not at once and not around the clock. People decide about your treatment, not the computer.

                This is not an emergency service. If you are in danger, or think about harming yourself, call your
                local emergency number, a crisis line, or your clinic: their numbers stand on every page here. If you
                tell us so here, we show you this help and tell your clinic, whatever you have agreed to.

                You can stop at any time, here or by telling your clinic, and need to give no reason. From then on we
                take no more answers, send no more reminders and compare nothing. Your treatment goes on as before.

                You can get a copy of everything that is kept about you, and you can ask for it to be erased. Your
                clinic may have to keep its own medical record, as the law demands.
            """),
            accept="I agree",
        ),
        "es": ConsentText(
            version="2026-12",
            locale="es",
            title="Antes de empezar",
            paragraphs=_paragraphs("""
                Usted nos cuenta cómo están su ánimo, su energía y su sueño. Guardamos sus respuestas y las comparamos
                con sus propias respuestas anteriores.

                El equipo de su clínica ve sus respuestas y lo que dice la comparación. Nadie más las ve: sus
                respuestas no se venden ni se usan para publicidad.

                Una computadora compara sus respuestas cuando llegan. Su equipo las mira en sus días de trabajo, no de
                inmediato ni las 24 horas. Sobre su tratamiento deciden personas, no la computadora.

                Esto no es un servicio de emergencia. Si está en peligro o piensa en hacerse daño, llame al número de
                emergencias de su país, a una línea de crisis o a su clínica: los números están en cada página. Si nos
                lo dice aquí, le mostramos esta ayuda y avisamos a su clínica, sin importar lo que haya aceptado.

                Puede dejarlo en cualquier momento, aquí o diciéndoselo a su clínica, sin dar razones. Desde entonces
                no recibimos más respuestas, no enviamos recordatorios y no comparamos nada. Su tratamiento sigue
                igual.

                Puede obtener una copia de todo lo que guardamos sobre usted y puede pedir que se borre. Su clínica
                quizá deba conservar su propia historia médica, como manda la ley.
            """),
            accept="Acepto",
        ),
        "de": ConsentText(
            version="2026-12",
            locale="de",
            title="Bevor Sie beginnen",
            paragraphs=_paragraphs("""
                Sie sagen uns, wie Ihre Stimmung, Ihre Energie und Ihr Schlaf sind. Wir speichern Ihre Antworten und
                vergleichen sie mit Ihren eigenen früheren Antworten.

                Das Team Ihrer Klinik sieht Ihre Antworten und was der Vergleich ergibt. Sonst sieht sie niemand: Ihre
                Antworten werden nicht verkauft und nicht für Werbung genutzt.

                Ein Computer vergleicht Ihre Antworten, wenn sie eintreffen. Ihr Team sieht sie an seinen
                Arbeitstagen an, nicht sofort und nicht rund um die Uhr. Über Ihre Behandlung entscheiden Menschen,
                nicht der Computer.

                Dies ist kein Notdienst. Wenn Sie in Gefahr sind oder daran denken, sich etwas anzutun, rufen Sie die
                Notrufnummer Ihres Landes, ein Krisentelefon oder Ihre Klinik an: Die Nummern stehen hier auf jeder
                Seite. Wenn Sie es uns hier sagen, zeigen wir Ihnen diese Hilfe und benachrichtigen Ihre Klinik, ganz
                gleich, wozu Sie zugestimmt haben.

                Sie können jederzeit aufhören, hier oder indem Sie es Ihrer Klinik sagen, und müssen keinen Grund
                nennen. Ab dann nehmen wir keine Antworten mehr an, senden keine Erinnerungen und vergleichen nichts.
                Ihre Behandlung geht weiter wie bisher.

                Sie können eine Kopie von allem bekommen, was über Sie gespeichert ist, und Sie können beantragen,
                dass es gelöscht wird. Vielleicht muss Ihre Klinik ihre eigene Krankenakte behalten, wie das Gesetz es
                verlangt.
            """),
            accept="Ich stimme zu",
        ),
        "fr": ConsentText(
            version="2026-12",
            locale="fr",
            title="Avant de commencer",
            paragraphs=_paragraphs("""
                Vous nous dites comment vont votre humeur, votre énergie et votre sommeil. Nous conservons vos
                réponses et les comparons à vos propres réponses précédentes.

                L'équipe de votre clinique voit vos réponses et ce que dit la comparaison. Personne d'autre ne les
                voit : vos réponses ne sont ni vendues ni utilisées pour la publicité.

                Un ordinateur compare vos réponses quand elles arrivent. Votre équipe les regarde les jours ouvrés,
                pas tout de suite et pas jour et nuit. Ce sont des personnes qui décident de votre traitement, pas
                l'ordinateur.

                Ceci n'est pas un service d'urgence. Si vous êtes en danger ou pensez à vous faire du mal, appelez le
                numéro d'urgence de votre pays, une ligne d'écoute ou votre clinique : leurs numéros se trouvent ici
                sur chaque page. Si vous nous le dites ici, nous vous montrons cette aide et avertissons votre
                clinique, quoi que vous ayez accepté.

                Vous pouvez arrêter à tout moment, ici ou en le disant à votre clinique, sans donner de raison. Dès
                lors, nous n'acceptons plus de réponses, n'envoyons plus de rappels et ne comparons rien. Votre
                traitement continue comme avant.

                Vous pouvez obtenir une copie de tout ce qui est conservé à votre sujet, et vous pouvez demander que
                tout soit effacé. Votre clinique doit peut-être garder son propre dossier médical, comme la loi
                l'exige.
            """),
            accept="J'accepte",
        ),
    },
}
