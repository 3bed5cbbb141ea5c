"""Spanish, as it is said politely in the United States."""

from collections.abc import Mapping
from typing import Final

SPANISH: Final[Mapping[str, str]] = {
    # On every page
    "skip": "Ir al contenido de la página",
    "menu": "Menú",
    "crisis": "Ayuda en una crisis",
    "crisis_question": "¿Necesita ayuda?",
    "crisis_more": "Más",
    "nav_check_in": "Registro",
    "nav_history": "Historial",
    "nav_settings": "Ajustes",
    "nav_help": "Ayuda",
    "queue_one": "1 registro",
    "queue_many": "{number} registros",
    "queue_kept": "No hay conexión en este momento. Guardado en este teléfono: {count}. Se enviará solo.",
    "queue_sending": "Enviando …",
    "queue_sent": "Lo que estaba guardado en este teléfono ya se envió.",
    "queue_sign_in": "Guardado en este teléfono: {count}. Inicie sesión y se enviará.",
    "queue_refused": "Guardado en este teléfono: {count} que no se pudo aceptar, por ser demasiado antiguo "
    "o estar incompleto.",
    "queue_other": "Guardado en este teléfono: {count}, de otra persona que tenía la sesión abierta aquí.",
    "queue_remove": "Borrarlo de este teléfono",
    "queue_sure": "¿Borrarlo? Todavía no se ha enviado.",
    # Sign-in
    "sign_in_title": "Iniciar sesión",
    "sign_in_lead": "Su clínica le dio un código de doce caracteres, o un código QR que lo contiene. No "
    "necesita contraseña.",
    "code": "Su código",
    "code_hint": "Por ejemplo ABCD-EFGH-JKMN. Da igual si usa minúsculas o si falta un guion.",
    "sign_in": "Iniciar sesión",
    "sign_in_link": "También sirve el enlace de acceso que le envió su clínica: ábralo en este teléfono.",
    "sign_in_lost": "¿No tiene código? Pida uno nuevo a su clínica; solo les toma un momento.",
    "session_over": "Mientras tanto se cerró su sesión.",
    "draft_kept": "Sus respuestas se conservan en esta página. Inicie sesión y se enviarán.",
    "draft_send": "Ya inicié sesión con mi enlace: enviar mis respuestas",
    "draft_link_hint": "O abra su enlace de acceso en otra pestaña, vuelva aquí y pulse esto:",
    "browser_name": "Navegador web",
    # Sign-in link
    "link_title": "Le damos la bienvenida de nuevo",
    "link_lead": "Pulse el botón para iniciar sesión en este teléfono o computadora.",
    "link_open": "Abrir mi registro",
    "link_bad_title": "Este enlace no funciona",
    "link_bad": "Ya se usó, venció o le falta una parte. Pida uno nuevo a su clínica o inicie sesión con un "
    "código.",
    "manifest": "Tres preguntas breves sobre ánimo, energía y sueño",
    "link_sent": "Si su clínica tiene su correo electrónico, un enlace nuevo va en camino.",
    "link_signed_in": "Ya tiene la sesión abierta aquí, así que no necesita un enlace.",
    "link_again_lead": "Si su clínica tiene su correo electrónico, podemos enviarle un enlace nuevo.",
    "link_again": "Enviarme un enlace nuevo",
    "link_to_code": "Iniciar sesión con un código",
    # Consent
    "consent_title": "Antes de empezar",
    "consent_refuse": "No acepto",
    "consent_later": "Puede cambiar de opinión en cualquier momento en los ajustes.",
    "consent_refused": "Usted no aceptó, así que no recibimos respuestas. Si cambia de opinión, acepte aquí.",
    "consent_changed": "El texto cambió mientras tanto. Por favor, léalo de nuevo.",
    # The form
    "check_in_title": "¿Cómo está?",
    "wrong_title": "Por favor, revise esto",
    "error": "Error",
    "for_day": "Para el {day}.",
    "for_day_just_lived": "Ya pasó la medianoche: esto todavía cuenta para el {day}, el día que acaba de "
    "vivir.",
    "optional": "Todo es opcional.",
    "mood": "Ánimo",
    "mood_hint": "hoy",
    "mood_low": "muy bajo",
    "mood_high": "muy bueno",
    "energy": "Energía",
    "energy_hint": "hoy",
    "energy_low": "ninguna",
    "energy_high": "mucha",
    "sleep_quality": "Sueño",
    "sleep_hint": "del {before} al {day}",
    "sleep_low": "muy mal",
    "sleep_high": "muy bien",
    "no_answer": "sin respuesta",
    "clear": "borrar",
    "self_harm": "Estoy pensando en hacerme daño",
    "self_harm_help": "Hable con una persona ahora, por favor. Avisamos a su clínica cuando envíe esto, pero "
    "puede que nadie lo vea de inmediato.",
    "booster": "Quisiera hablar sobre una infusión de refuerzo",
    "more": "Agregar una nota, horas de sueño o pedir un refuerzo",
    "sleep_hours": "Horas de sueño de anoche",
    "sleep_hours_hint": "Por ejemplo 7 o 6,5",
    "note": "Nota para su equipo",
    "note_hint": "Ninguna persona la lee de inmediato y ninguna computadora la analiza. Hasta 4000 "
    "caracteres.",
    "send": "Enviar",
    "sent_before": "Usted envió este registro el {at}. Si algo estaba mal, corríjalo aquí y envíelo de nuevo: "
    "reemplaza lo que envió.",
    "offline_form": "No hay conexión en este momento. Puede responder de todos modos: sus respuestas se "
    "guardan en este teléfono y se envían solas.",
    "not_reached": "No hay conexión, así que su clínica todavía no lo sabe. Por favor, hable con una "
    "persona ahora.",
    "which_day": "Abrió esta página otro día. ¿De qué día son sus respuestas?",
    "send_for": "Enviar para el {day}",
    "wrong_nothing_answered": "Todavía no respondió ninguna de las tres preguntas. Basta con una.",
    "wrong_score": "Elija un número del 0 al 10.",
    "wrong_sleep_hours": "Escriba las horas de sueño como un número del 0 al 24, por cuartos de hora, por "
    "ejemplo 7 o 6,5.",
    "wrong_note": "La nota tiene más de 4000 caracteres. Por favor, acórtela; todo lo demás se conserva.",
    "wrong_note_cut": "La nota tiene muchos más de 4000 caracteres, por eso solo se muestra el principio. "
    "Por favor, acórtela; todo lo demás se conserva.",
    "wrong_too_old": "Este formulario tiene más de 30 días. Sus respuestas siguen aquí: envíelas para hoy "
    "si son de hoy.",
    "wrong_clock": "El reloj de este teléfono estaba muy adelantado al abrir esta página. Sus respuestas "
    "siguen aquí: envíelas para hoy.",
    "wrong_form": "Algo en este formulario no se pudo leer. Sus respuestas siguen aquí; por favor, envíelas "
    "de nuevo.",
    "wrong_form_expired": "Esta página estuvo abierta mucho tiempo. Sus respuestas siguen aquí; por favor, "
    "pulse Enviar una vez más.",
    "wrong_away": "No pudimos guardar sus respuestas en este momento. Siguen en esta página: por favor, "
    "pulse Enviar de nuevo en un minuto.",
    "archived_title": "En esta clínica ya nadie lee sus respuestas",
    "archived_text": "Todavía puede ver lo que envió. Si necesita ayuda, use los números de aquí.",
    "wrong_archived": "En esta clínica ya nadie lee sus respuestas. Use los números de esta página.",
    "wrong_withdrawn": "Usted retiró su consentimiento, así que no recibimos respuestas. Puede aceptar de "
    "nuevo en los ajustes.",
    "correct_title": "Corregir el {day}",
    "correct_lead": "Sus nuevas respuestas reemplazan las anteriores. Su equipo puede ver que las cambió.",
    # Thank you
    "thanks_title": "Gracias",
    "thanks_kept": "Su registro del {day} está guardado.",
    "thanks_before": "Este registro ya estaba guardado desde el {at}. Cuenta una sola vez.",
    "thanks_corrected": "Usted ya había enviado este registro. Sus nuevas respuestas reemplazan las "
    "anteriores.",
    "thanks_booster": "Avisamos a su clínica que quisiera hablar sobre una infusión de refuerzo.",
    "thanks_answers": "Lo que respondió",
    "not_answered": "sin respuesta",
    "out_of_ten": "{value} de 10",
    "hours": "{value} horas",
    "thanks_next": "Es todo por hoy.",
    "thanks_first": "Aquí aparece una línea después de tres días con registro.",
    "install_title": "Póngalo en su pantalla de inicio",
    "install_lead": "Se abre con un toque, también sin conexión.",
    "install_how": "Mostrar cómo",
    "install_iphone": "iPhone: en Safari, toque Compartir, luego “Agregar a inicio” y Agregar.",
    "install_android": "Android: en Chrome, toque los tres puntos y luego “Agregar a la pantalla principal” o "
    "“Instalar”.",
    "install_name": "Allí se llama Afterglow. No dice nada de un tratamiento.",
    "safety_notified": "Ya avisamos a su clínica. Puede que nadie lo vea de inmediato, así que por favor no "
    "espere.",
    "safety_not_notified": "Desde aquí no pudimos avisar a su clínica. Por favor, no espere.",
    "safety_kept": "Su registro también está guardado.",
    # Questionnaires
    "questionnaires_title": "Cuestionarios",
    "questionnaire_due": "toca ahora",
    "questionnaire_missing": "La pregunta {number} todavía no tiene respuesta.",
    "questionnaire_choose": "Elija una de las cuatro respuestas.",
    "questionnaire_kept": "Sus respuestas están guardadas. Su clínica puede verlas.",
    "questionnaire_before": "Estas respuestas ya estaban guardadas desde el {at}. Cuentan una sola vez.",
    "questionnaire_conflict": "Usted ya había enviado este formulario con otras respuestas, y esas están "
    "guardadas. Sus nuevas respuestas siguen aquí: si también deben guardarse, pulse Enviar.",
    "questionnaire_signed_out": "Su sesión se cerró mientras tanto. Sus respuestas siguen en esta página: "
    "inicie sesión en otra pestaña, vuelva aquí y pulse Enviar.",
    "questionnaire_sign_in": "Iniciar sesión en otra pestaña",
    # History
    "history_title": "Historial",
    "history_none": "Todavía no hay nada que mostrar. Su primer registro aparecerá aquí.",
    "history_days": "Día por día",
    "history_correct": "Corregir",
    "history_take_back": "Retirar",
    "history_from_clinic": "Este lo ingresó su clínica.",
    "history_sure": "¿Retirar su registro del {day}?",
    "history_sure_lead": "Ya no cuenta. Su equipo puede ver que existía.",
    "history_taken_back": "Su registro fue retirado.",
    "history_add": "Agregar un día",
    "history_add_lead": "Para un día sin registro, si recuerda cómo fue.",
    "trend_title": "Sus últimos {days} días",
    "trend_days": "{days} días",
    "trend_table": "Los mismos números en una tabla",
    "day": "Día",
    # Settings
    "settings_title": "Ajustes",
    "settings_saved": "Guardado.",
    "zone": "Zona horaria",
    "zone_hint": "Donde está usted. Sus días pasados no se mueven.",
    "zone_here": "Este dispositivo dice {zone}.",
    "wrong_zone": "No conocemos esta zona horaria. Elija una de la lista.",
    "language": "Idioma",
    "save": "Guardar",
    "reminders_title": "Recordatorios",
    "reminders_email": "Recordarme por correo electrónico, a la dirección que tiene mi clínica",
    "ask_at": "A las",
    "ask_at_hint": "Según el reloj del lugar donde está, los días en que toca un registro.",
    "quiet_from": "Silencio desde",
    "quiet_from_hint": "Desde esa hora no se envía nada.",
    "quiet_until": "Silencio hasta",
    "quiet_until_hint": "La misma hora en ambas: sin horas de silencio.",
    "paused_until": "Pausa hasta",
    "paused_until_hint": "Sin recordatorios antes de ese día. Déjelo vacío para no hacer una pausa.",
    "wrong_time": "Escriba una hora del día, por ejemplo 18:00.",
    "wrong_pause": "Escriba un día, por ejemplo 2026-11-03, o déjelo vacío.",
    "wrong_quiet": "La hora del recordatorio cae en sus horas de silencio. Por favor, cambie una de ellas.",
    "devices_title": "Dónde tiene la sesión abierta",
    "device_since": "desde el {at}",
    "device_used": "último uso el {at}",
    "device_this": "este",
    "device_end": "Cerrar la sesión de {name}",
    "sign_out": "Cerrar la sesión aquí",
    "signed_out": "Su sesión está cerrada. Lo que aún no se envió queda en este teléfono hasta que vuelva a "
    "iniciar sesión.",
    "device_ended": "La sesión está cerrada.",
    "data_title": "Sus datos",
    "export": "Obtener una copia de todo lo que guardamos sobre usted",
    "erasure_lead": "Puede pedir que se borre todo. Su clínica lo revisa primero: quizá deba conservar su "
    "propia historia médica.",
    "erasure_ask": "Pedir que se borren mis datos",
    "erasure_asked": "Usted pidió que se borren sus datos, el {at}. Su clínica le responderá.",
    "erasure_sure": "¿Quiere pedir que se borre todo?",
    "withdraw_title": "Su consentimiento",
    "withdraw_lead": "Puede retirar su consentimiento en cualquier momento, sin dar razones. Desde entonces "
    "no recibimos respuestas ni comparamos nada. Su tratamiento sigue igual.",
    "withdraw": "Retirar mi consentimiento",
    "withdrawn": "Usted retiró su consentimiento. Ya no recibimos respuestas.",
    "withdraw_sure": "¿Quiere retirar su consentimiento?",
    "yes_do_it": "Sí",
    "no_go_back": "No, volver",
    "give_again": "Aceptar de nuevo",
    # Help
    "help_title": "Ayuda",
    "help_now": "Si necesita ayuda ahora",
    "help_everywhere": "Líneas de crisis en otros países",
    "help_what": "Qué es esto",
    "help_what_text": "Tres preguntas breves sobre ánimo, energía y sueño. El equipo de su clínica mira sus "
    "respuestas en sus días de trabajo, no de inmediato. No es un servicio de emergencia.",
    "help_lost": "¿Se perdió mi registro?",
    "help_lost_text": "Un registro enviado queda guardado y cuenta una sola vez, aunque lo envíe dos veces. "
    "Sin conexión se queda en su teléfono y se envía después, y esta página lo dice.",
    "help_sign_in": "No puedo iniciar sesión",
    "help_sign_in_text": "Los códigos sirven una vez y durante 15 minutos. Pida uno nuevo a su clínica "
    "cuantas veces lo necesite.",
    # Errors
    "not_found_title": "Esta página no existe",
    "not_found": "Puede que la dirección esté mal escrita o que la página se haya movido.",
    "to_start": "Ir a la página de inicio",
    "foreign_title": "Esto no se pudo enviar",
    "foreign": "Vino de otro sitio. Por favor, abra la página aquí y envíelo de nuevo.",
    "again_title": "Por favor, intente una vez más",
    "again": "Esta página estuvo abierta mucho tiempo. Vuelva atrás, cárguela de nuevo e intente otra vez.",
    "busy_title": "Por favor, espere un poco",
    "busy": "Llegaron demasiadas solicitudes desde aquí. No se perdió nada: vuelva atrás, espere un minuto "
    "e intente de nuevo.",
    "too_large_title": "Eso fue demasiado de una vez",
    "too_large": "Lo que envió es más grande de lo que podemos recibir. Vuelva atrás: sus respuestas siguen "
    "en la página. Acorte la nota y envíe de nuevo.",
    "away_title": "No podemos hacerlo en este momento",
    "away": "Algo falla de nuestro lado. Lo que se envió antes está guardado. Por favor, intente de nuevo "
    "en un minuto.",
    "code_wrong": "Este código no funciona: está mal escrito, ya se usó o venció. Los códigos duran 15 "
    "minutos. Por favor, pida uno nuevo a su clínica.",
    "code_malformed": "Un código tiene doce letras y números, por ejemplo ABCD-EFGH-JKMN. Por favor, "
    "revíselo.",
    "too_many_tries": "Se probaron demasiados códigos desde aquí. Por favor, espere 15 minutos o pida ayuda "
    "a su clínica.",
}
