"""English."""

from collections.abc import Mapping
from typing import Final

ENGLISH: Final[Mapping[str, str]] = {
    # On every page
    "skip": "Skip to the page's content",
    "menu": "Menu",
    "crisis": "Crisis help",
    "nav_check_in": "Check-in",
    "nav_progress": "My progress",
    "nav_settings": "Settings",
    "nav_help": "Help",
    "queue_one": "1 check-in",
    "queue_many": "{number} check-ins",
    "queue_kept": "No connection just now. {count} kept on this phone; it will be sent by itself.",
    "queue_sending": "Sending …",
    "queue_sent": "What was kept on this phone has been sent.",
    "queue_sign_in": "Kept on this phone: {count}. Sign in, and it will be sent.",
    "queue_refused": "Kept on this phone: {count} that could not be accepted, because it is too old or not "
    "complete.",
    "queue_other": "Kept on this phone: {count}, written by someone else who was signed in here.",
    "queue_remove": "Remove it from this phone",
    "queue_sure": "Remove it? It has not been sent.",
    # Sign-in
    "sign_in_title": "Sign in",
    "sign_in_lead": "Your clinic gave you a code of twelve characters, or a QR code that holds it. You need "
    "no password.",
    "code": "Your code",
    "code_hint": "Such as ABCD-EFGH-JKMN. Small letters are fine, and so is a missing hyphen.",
    "sign_in": "Sign in",
    "sign_in_link": "A sign-in link that your clinic sent you works too: open it on this phone.",
    "sign_in_lost": "No code? Ask your clinic for a new one; it takes them a moment.",
    "session_over": "You were signed out in the meantime.",
    "draft_kept": "Your answers are kept on this page. Sign in, and they are sent.",
    "draft_send": "I have signed in with my link: send my answers",
    "draft_link_hint": "Or open your sign-in link in another tab, come back here, and press this:",
    "browser_name": "Web browser",
    # Sign-in link
    "link_title": "Welcome back",
    "link_lead": "Press the button to sign in on this phone or computer.",
    "link_open": "Open my check-in",
    "link_bad_title": "This link does not work",
    "link_bad": "It was used before, it has expired, or a part of it is missing. Ask your clinic for a new "
    "one, or sign in with a code.",
    "manifest": "Three short questions about mood, energy and sleep",
    "link_sent": "If your clinic has your e-mail address, a new link is on its way to it.",
    "link_signed_in": "You are signed in here already, so you need no link.",
    "link_again_lead": "If your clinic has your e-mail address, we can send you a new link.",
    "link_again": "Send me a new link",
    "link_to_code": "Sign in with a code",
    # Consent
    "consent_title": "Before you start",
    "consent_refuse": "I do not agree",
    "consent_later": "You can change your mind at any time in the settings.",
    "consent_refused": "You did not agree, so no answers are taken. If you change your mind, agree here.",
    "consent_changed": "The text was changed in the meantime. Please read it again.",
    # The form
    "check_in_title": "How are you?",
    "wrong_title": "Please look at this again",
    "error": "Error",
    "for_day": "For {day}.",
    "for_day_just_lived": "It is after midnight: this still counts for {day}, the day just lived.",
    "optional": "Answer what you can; you may leave any of it out.",
    "mood": "Mood",
    "mood_hint": "How was your mood today?",
    "mood_low": "very low",
    "mood_high": "very good",
    "energy": "Energy",
    "energy_hint": "How much energy did you have today?",
    "energy_low": "none at all",
    "energy_high": "plenty",
    "sleep_quality": "Sleep last night",
    "sleep_hint": "The night from {before} to {day}: how well did you sleep?",
    "sleep_low": "very badly",
    "sleep_high": "very well",
    "no_answer": "skip",
    "self_harm": "I am thinking about harming myself",
    "self_harm_help": "If you tick this, your clinic is notified when you send. Nobody may see it at once. You "
    "can reach a person now:",
    "booster": "I would like to talk about a booster",
    "more": "Add hours of sleep or a note",
    "sleep_hours": "Hours of sleep last night",
    "sleep_hours_hint": "Such as 7 or 6.5",
    "note": "A note for your care team",
    "note_hint": "It is not read by a person right away, and not scanned by a computer. Up to 4,000 "
    "characters.",
    "send": "Send",
    "sent_before": "You sent this check-in on {at}. If something was wrong, correct it here and send it again: "
    "it takes the place of what you sent.",
    "offline_form": "There is no connection just now. You can answer all the same: your answers are kept on "
    "this phone and sent by themselves.",
    "not_reached": "There is no connection, so your clinic has not been notified yet. Please reach a person now.",
    "which_day": "You opened this page on another day. Which day are your answers about?",
    "send_for": "Send for {day}",
    "wrong_nothing_answered": "None of the three questions has been answered yet. One answer is enough.",
    "wrong_score": "Choose a number from 0 to 10.",
    "wrong_sleep_hours": "Write the hours of sleep as a number from 0 to 24 in quarter hours, such as 7 or "
    "6.5.",
    "wrong_note": "The note is longer than 4,000 characters. Please shorten it; everything else is kept.",
    "wrong_note_cut": "The note is far longer than 4,000 characters, so only its beginning is shown. Please "
    "shorten it; everything else is kept.",
    "wrong_too_old": "This form is more than 30 days old. Your answers are still here: send them for today "
    "if they are about today.",
    "wrong_clock": "This phone's clock was far ahead when you opened this page. Your answers are still "
    "here: send them for today.",
    "wrong_form": "Something in this form was not readable. Your answers are still here; please send them "
    "again.",
    "wrong_form_expired": "This page was open for a long time. Your answers are still here; please press "
    "Send once more.",
    "wrong_away": "We could not keep your answers just now. They are still on this page: please press Send "
    "again in a minute.",
    "archived_title": "Nobody at this clinic reads your reports now",
    "archived_text": "You can still look at what you sent. If you need help, please use the numbers here.",
    "wrong_archived": "Nobody at this clinic reads your reports now. Please use the numbers on this page.",
    "wrong_withdrawn": "You took your consent back, so no answers are taken. You can agree again in the "
    "settings.",
    # Thank you
    "thanks_title": "Thank you",
    "thanks_kept": "Your check-in for {day} is kept.",
    "thanks_before": "This check-in was kept before, on {at}. It counts once.",
    "thanks_corrected": "You had sent this check-in before. Your new answers now take the place of the old "
    "ones.",
    "thanks_booster": "Your clinic is notified that you would like to talk about a booster.",
    "thanks_answers": "What you answered",
    "not_answered": "not answered",
    "out_of_ten": "{value} of 10",
    "hours": "{value} hours",
    "thanks_next": "Nothing more is needed today. You can close this page.",
    "safety_notified": "Your clinic has been notified. Someone there may not see it at once, so please do not wait "
    "for them.",
    "safety_not_notified": "We could not notify your clinic from here. Please do not wait for them.",
    "safety_kept": "Your check-in is kept, too.",
    "see_progress": "See my progress",
    # Questionnaires
    "questionnaires_title": "Questionnaires",
    "questionnaire_due": "due now",
    "questionnaire_missing": "Question {number} has no answer yet.",
    "questionnaire_choose": "Choose one of the four answers.",
    "questionnaire_kept": "Your answers are kept. Your clinic can see them.",
    "questionnaire_before": "These answers were kept before, on {at}. They count once.",
    "questionnaire_conflict": "You sent this form before with other answers, and those are kept. Your new "
    "answers are still here: if they are to be kept too, press Send.",
    "questionnaire_signed_out": "You were signed out in the meantime. Your answers are still on this page: "
    "sign in in another tab, come back here and press Send.",
    "questionnaire_sign_in": "Sign in in another tab",
    # Progress
    "progress_title": "My progress",
    "progress_lead": "Your own answers, day by day. They are not a score and not a judgement.",
    "progress_none": "There is nothing to show yet. Your first check-in will appear here.",
    "progress_table": "The same numbers as a table",
    "day": "Day",
    # Settings
    "settings_title": "Settings",
    "settings_saved": "Saved.",
    "zone": "Time zone",
    "zone_hint": "Where you are. Your past days do not move.",
    "zone_here": "This device says {zone}.",
    "wrong_zone": "This time zone is not known. Choose one from the list.",
    "language": "Language",
    "save": "Save",
    "reminders_title": "Reminders",
    "reminders_email": "Remind me by e-mail, at the address that my clinic has",
    "ask_at": "At",
    "ask_at_hint": "By the clock where you are, on days with a check-in due.",
    "quiet_from": "Quiet from",
    "quiet_from_hint": "Nothing is sent from then on.",
    "quiet_until": "Quiet until",
    "quiet_until_hint": "The same time in both: no quiet hours.",
    "paused_until": "Pause until",
    "paused_until_hint": "No reminders before this day. Leave it empty for no pause.",
    "wrong_time": "Write a time of day such as 18:00.",
    "wrong_pause": "Write a day such as 2026-11-03, or leave it empty.",
    "wrong_quiet": "The time to be reminded lies in your quiet hours. Please move one of them.",
    "devices_title": "Where you are signed in",
    "device_since": "since {at}",
    "device_used": "last used {at}",
    "device_this": "this one",
    "device_end": "Sign out {name}",
    "sign_out": "Sign out here",
    "signed_out": "You are signed out. What was not sent yet stays on this phone until you sign in again.",
    "device_ended": "It is signed out.",
    "data_title": "Your data",
    "export": "Get a copy of everything that is kept about you",
    "erasure_lead": "You can ask for all of it to be erased. Your clinic looks at it first: it may have to "
    "keep its own medical record.",
    "erasure_ask": "Ask for my data to be erased",
    "erasure_asked": "You have asked for your data to be erased, on {at}. Your clinic will answer you.",
    "erasure_sure": "Do you want to ask for everything to be erased?",
    "withdraw_title": "Your consent",
    "withdraw_lead": "You can take your consent back at any time, and need to give no reason. From then on "
    "no answers are taken, and nothing is compared. Your treatment goes on as before.",
    "withdraw": "Withdraw consent",
    "withdrawn": "You have taken your consent back. No answers are taken any more.",
    "withdraw_sure": "Do you want to take your consent back?",
    "yes_do_it": "Yes",
    "no_go_back": "No, go back",
    "give_again": "Agree again",
    # Help
    "help_title": "Help",
    "help_now": "If you need help now",
    "help_everywhere": "Crisis lines in other countries",
    "help_what": "What this is",
    "help_what_text": "Three short questions about mood, energy and sleep. Your clinic's care team looks at "
    "your answers on its working days, not at once. It is not an emergency service.",
    "help_lost": "Was my check-in lost?",
    "help_lost_text": "A check-in that was sent is kept, and counts once even if you send it twice. Without "
    "a connection it stays on your phone and is sent later, and this page says so.",
    "help_sign_in": "I cannot sign in",
    "help_sign_in_text": "Codes work once and for 15 minutes. Ask your clinic for a new one as often as you "
    "need to.",
    # Errors
    "not_found_title": "There is no such page",
    "not_found": "The address may be mistyped, or the page has moved.",
    "to_start": "Go to the start page",
    "foreign_title": "This could not be sent",
    "foreign": "It came from another site. Please open the page here and send it again.",
    "again_title": "Please try once more",
    "again": "This page was open for a long time. Go back, load it again and try again.",
    "busy_title": "Please wait a little",
    "busy": "Too many requests came from here. Nothing was lost: go back, wait a minute and try again.",
    "too_large_title": "That was too much at once",
    "too_large": "What you sent is larger than we can take. Go back: your answers are still on the page. "
    "Shorten the note and send again.",
    "away_title": "We cannot do this just now",
    "away": "Something is wrong on our side. What was sent before is kept. Please try again in a minute.",
    "code_wrong": "This code does not work: it was mistyped, used before, or has expired. Codes last 15 "
    "minutes. Please ask your clinic for a new one.",
    "code_malformed": "A code has twelve letters and digits, such as ABCD-EFGH-JKMN. Please look at it once "
    "more.",
    "too_many_tries": "Too many codes were tried from here. Please wait 15 minutes, or ask your clinic for "
    "help.",
}
