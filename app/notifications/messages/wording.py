"""The fixed texts of messages, by language. They say that there is something and where, never what.

A text lands on lock screens, in a shared mailbox, with a mail provider: so nothing clinical, no name, no
number, and nothing of the patient's. It is made when it is sent, from wording, language and link alone.
"""

from dataclasses import dataclass
from typing import Final

from app.outbox import DEFAULT_LANGUAGE, Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text as someone gets it; the link goes with it."""

    subject: str
    body: str


_TEST: Final = {"en": "[TEST] ", "es": "[PRUEBA] "}
_MORE: Final = {"en": " And more.", "es": " Y hay más."}

_TEXTS: Final[dict[str, dict[Wording, tuple[str, str]]]] = {
    "en": {
        Wording.CHECK_IN_DUE: (
            "You have a message from your clinic",
            "Your clinic's Afterglow has a short form for you.",
        ),
        Wording.SIGN_IN_LINK: (
            "Your sign-in link",
            (
                "Open this link to sign in to your clinic's Afterglow. It works once, and only for a short time. "
                "If you did not ask for it, leave it."
            ),
        ),
        Wording.SAFETY_UNACKNOWLEDGED: (
            "Urgent: Afterglow waits for you",
            (
                "An urgent notice in your clinic's Afterglow has not been acknowledged by anybody. "
                "Please open it now."
            ),
        ),
        Wording.SIGNAL_UNACKNOWLEDGED: (
            "Afterglow waits for you",
            "A notice in your clinic's Afterglow has not been acknowledged by anybody.",
        ),
        Wording.ENDPOINT_DOWN: (
            "Afterglow cannot reach one of your systems",
            "Your clinic's Afterglow cannot deliver to one of your systems. Nothing is lost; it waits there.",
        ),
        Wording.CONTACT_TEST: (
            "Please confirm this address",
            "Your clinic has named this address for notices from Afterglow. Open the link to confirm it.",
        ),
        Wording.LOOK_AT_WORKLIST: (
            "Afterglow: please look at your worklist",
            "Afterglow: someone on your worklist needs a look.",
        ),
        Wording.LOOK_NOW: (
            "Urgent: please look at your worklist now",
            "Afterglow: someone on your worklist needs a look now.",
        ),
        Wording.NOTICE_CHANNEL_TEST: (
            "Afterglow: notices will come here",
            "Afterglow: this is only a try. Notices for your clinic will come here.",
        ),
        Wording.NOTICE_CHANNEL_ENDED: (
            "Afterglow cannot write to one of your chat channels",
            "A chat channel that your clinic's Afterglow writes to is no more. Please name another.",
        ),
        Wording.STAFF_INVITATION: (
            "You are invited to your clinic's Afterglow",
            (
                "Open this link to choose a password and join your clinic's Afterglow. It works once, within "
                "seven days. If you do not work there, leave it."
            ),
        ),
        Wording.EMERGENCY_OPENED: (
            "Emergency access was used",
            (
                "Someone of your clinic's staff has used emergency access in Afterglow. Who, when and why is on "
                "the staff page."
            ),
        ),
        Wording.SIGN_IN_LOCKED: (
            "Wrong attempts to sign in",
            (
                "There were wrong attempts to sign in to an account of your clinic's Afterglow, and signing in is "
                "locked there for a while. Devices used before are not locked. If this was nobody of yours, "
                "change the password."
            ),
        ),
    },
    "es": {
        Wording.CHECK_IN_DUE: (
            "Tiene un mensaje de su clínica",
            "El Afterglow de su clínica tiene un formulario breve para usted.",
        ),
        Wording.SIGN_IN_LINK: (
            "Su enlace para entrar",
            (
                "Abra este enlace para entrar en el Afterglow de su clínica. Sirve una sola vez y por poco tiempo. "
                "Si no lo ha pedido usted, no haga nada."
            ),
        ),
        Wording.SAFETY_UNACKNOWLEDGED: (
            "Urgente: Afterglow le espera",
            "Nadie ha confirmado todavía un aviso urgente en el Afterglow de su clínica. Ábralo ahora, por favor.",
        ),
        Wording.SIGNAL_UNACKNOWLEDGED: (
            "Afterglow le espera",
            "Nadie ha confirmado todavía un aviso en el Afterglow de su clínica.",
        ),
        Wording.ENDPOINT_DOWN: (
            "Afterglow no puede comunicarse con uno de sus sistemas",
            (
                "El Afterglow de su clínica no puede entregar avisos a uno de sus sistemas. "
                "No se pierde nada; allí esperan."
            ),
        ),
        Wording.CONTACT_TEST: (
            "Confirme esta dirección, por favor",
            "Su clínica ha indicado esta dirección para los avisos de Afterglow. Abra el enlace para confirmarla.",
        ),
        Wording.LOOK_AT_WORKLIST: (
            "Afterglow: mire su lista de trabajo, por favor",
            "Afterglow: alguien en su lista de trabajo necesita su atención.",
        ),
        Wording.LOOK_NOW: (
            "Urgente: mire ahora su lista de trabajo, por favor",
            "Afterglow: alguien en su lista de trabajo necesita su atención ahora.",
        ),
        Wording.NOTICE_CHANNEL_TEST: (
            "Afterglow: los avisos llegarán aquí",
            "Afterglow: esto es solo una prueba. Los avisos para su clínica llegarán aquí.",
        ),
        Wording.NOTICE_CHANNEL_ENDED: (
            "Afterglow no puede escribir en uno de sus canales de chat",
            "Un canal de chat en el que escribe el Afterglow de su clínica ya no existe. Indique otro, por favor.",
        ),
        Wording.STAFF_INVITATION: (
            "Le invitan al Afterglow de su clínica",
            (
                "Abra este enlace para elegir una contraseña y entrar en el Afterglow de su clínica. Sirve una "
                "sola vez, durante siete días. Si no trabaja allí, no haga nada."
            ),
        ),
        Wording.EMERGENCY_OPENED: (
            "Se ha usado el acceso de emergencia",
            (
                "Alguien del personal de su clínica ha usado el acceso de emergencia en Afterglow. Quién, cuándo y "
                "por qué está en la página del personal."
            ),
        ),
        Wording.SIGN_IN_LOCKED: (
            "Intentos fallidos de iniciar sesión",
            (
                "Hubo intentos fallidos de iniciar sesión en una cuenta del Afterglow de su clínica, y el inicio de "
                "sesión está bloqueado allí por un tiempo. Los dispositivos ya usados no se bloquean. Si no fue "
                "nadie de ustedes, cambien la contraseña."
            ),
        ),
    },
}


def language_of(locale: str) -> str:
    """Give the language to write in: ``es-MX`` reads as ``es``, one that we do not have as English."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return language if language in _TEXTS else DEFAULT_LANGUAGE


def text_of(wording: Wording, *, locale: str, mode: str, more: bool = False) -> Text:
    """Give the text without its link; while the clinic tries things out, and where it stands for more, it says so."""
    language = language_of(locale)
    subject, body = _TEXTS[language][wording]
    mark = _TEST[language] if mode == "test" else ""
    return Text(subject=mark + subject, body=mark + body + (_MORE[language] if more else ""))


def worklist_link(public_url: str) -> str:
    """Where the care team's people look: nothing in it says who or what waits there."""
    return f"{public_url}/care"


def staff_page(address: str) -> str:
    """Give the care team's page of what an address of the API names: a person signs in there and reads it.

    The API itself would refuse a browser that comes from a mail, at three in the morning too.
    """
    return address.replace("/v1/", "/care/", 1)
