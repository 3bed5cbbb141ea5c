"""Crisis lines and emergency numbers by country: each as it stood on a page that was read, with the day.

A country that is not here is unknown, and unknown is never guessed at: the person gets the clinic's own
number and is sent to the local emergency number. Numbers change: each release reads the pages again
(`docs/crisis-help.md` is made from this table), and a clinic may replace any line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

_READ_ON: Final = date(2026, 11, 29)
# "Whoever is in need anywhere in Europe and dials these three digits reaches a control room" (for the EU).
_EU_112: Final = "ekmd.de/glaube/radio-andachten/gedanken-zur-nacht-mdr-thueringen/notrufe.html (11 Feb 2022)"


class By(StrEnum):
    """How a line is reached."""

    CALL = "call"
    CALL_OR_TEXT = "call_or_text"


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalHelp:
    """One country's line and emergency number, and where and when they were read.

    Attributes:
        name: the line's own name.
        by: whether it takes text messages at the same number.
        hours: when it answers, by the local clock, such as ``10:00-24:00``; None: day and night.
        emergency: the number in immediate danger.
        line_page, emergency_page: the page that was read for each, with its own date where it has one.
    """

    name: str
    number: str
    by: By = By.CALL
    hours: str | None = None
    emergency: str
    line_page: str
    emergency_page: str
    read_on: date = _READ_ON


NATIONAL_HELP: Final[Mapping[str, NationalHelp]] = {
    "US": NationalHelp(
        name="988 Suicide & Crisis Lifeline",
        number="988",
        by=By.CALL_OR_TEXT,
        emergency="911",
        line_page="mcphs.edu/student-life/counseling-services/emergency-services/988-suicide-and-crisis-lifeline;"
        " neighborhoodctr.org/news/what-support-is-available-through-the-988-lifeline (day and night)",
        emergency_page="internationalmentalhealth.org/resources",
        read_on=date(2026, 11, 30),
    ),
    "CA": NationalHelp(
        name="9-8-8 Suicide Crisis Helpline",
        number="988",
        by=By.CALL_OR_TEXT,
        emergency="911",
        line_page="mentalhealthcommission.ca/catalyst/988-launches-in-canada",
        emergency_page="mentalhealthcommission.ca/catalyst/988-launches-in-canada",
    ),
    "GB": NationalHelp(
        name="Samaritans",
        number="116 123",
        emergency="999",
        line_page="samaritans.org/how-we-can-help/contact-samaritan; civilsociety.co.uk (24/7)",
        emergency_page="hpft.nhs.uk (10 Sep 2024)",
    ),
    "IE": NationalHelp(
        name="Samaritans",
        number="116 123",
        emergency="999",
        line_page="irishexaminer.com (freephone 116 123); donegaldaily.com (20 Jul 2018, day and night)",
        emergency_page="carlow-nationalist.ie (10 Sep 2020): 999 or 112",
    ),
    "AU": NationalHelp(
        name="Lifeline",
        number="13 11 14",
        emergency="000",
        line_page="lifelineh2h.org.au; lifeinmind.org.au",
        emergency_page="lifelineh2h.org.au; lifeinmind.org.au",
    ),
    "NZ": NationalHelp(
        name="1737, Need to Talk?",
        number="1737",
        by=By.CALL_OR_TEXT,
        emergency="111",
        line_page="nzfamilies.org.nz/?p=1578 (22 Dec 2025)",
        emergency_page="odt.co.nz/news/national/launch-two-new-mental-health-services-make-getting-help-easier",
    ),
    "DE": NationalHelp(
        name="TelefonSeelsorge",
        number="0800 1110111",
        emergency="112",
        line_page="domradio.de/glossar/telefonseelsorge-0; spektrum.de (Sep 2022)",
        emergency_page=_EU_112,
    ),
    "AT": NationalHelp(
        name="Telefonseelsorge",
        number="142",
        emergency="112",
        line_page="ots.at/presseaussendung/OTM_20230425_OTM0006; burgenland.orf.at/stories/3207209",
        emergency_page=_EU_112,
    ),
    "CH": NationalHelp(
        name="Die Dargebotene Hand · La Main Tendue · Telefono Amico",
        number="143",
        emergency="112",
        line_page="news.sbb.ch (Oct 2014, day and night); progress.guide/atlas/europe/switzerland",
        emergency_page="progress.guide/atlas/europe/switzerland: 112 or 144",
    ),
    "FR": NationalHelp(
        name="Numéro national de prévention du suicide",
        number="3114",
        emergency="15",
        line_page="3114.fr/que-se-passe-t-il-quand-je-contacte-le-3114; mayotte.ars.sante.fr",
        emergency_page="axaprevention.fr/fr/article/prevention-suicide-journee-mondiale",
    ),
    "ES": NationalHelp(
        name="Línea 024",
        number="024",
        emergency="112",
        line_page="checkpointcanarias.com/en/suicide",
        emergency_page="checkpointcanarias.com/en/suicide",
    ),
    "IT": NationalHelp(
        name="Telefono Amico Italia",
        number="02 2327 2327",
        hours="10:00-24:00",
        emergency="112",
        line_page="fanpage.it (Feb 2024); tgcom24.mediaset.it (10 Sep 2025): no line answers day and night yet",
        emergency_page=_EU_112,
    ),
    "NL": NationalHelp(
        name="113 Zelfmoordpreventie",
        number="113",
        emergency="112",
        line_page="upday.com/nl (3 Oct 2025); nltimes.nl (7 Jul 2020)",
        emergency_page=_EU_112,
    ),
    "MX": NationalHelp(
        name="Línea de la Vida",
        number="800 911 2000",
        emergency="911",
        line_page="eluniversal.com.mx (24 Dec 2025)",
        emergency_page="publimetro.com.mx/opinion/2025/09/08/prevencion-del-suicidio-en-tres-numeros",
    ),
    "BR": NationalHelp(
        name="CVV, Centro de Valorização da Vida",
        number="188",
        emergency="192",
        line_page="catracalivre.com.br; osul.com.br (Sep 2019)",
        emergency_page="simplanodesaude.com.br/?p=3651",
    ),
    "IN": NationalHelp(
        name="Tele MANAS",
        number="14416",
        emergency="112",
        line_page="menafn.com/1109390520 (4 Apr 2025)",
        emergency_page="lokmattimes.com (13 Dec 2025): ERSS-112",
    ),
    "JP": NationalHelp(
        name="よりそいホットライン (Yorisoi Hotline)",
        number="0120-279-338",
        emergency="119",
        line_page="279338.jp/yorisoi (Iwate, Miyagi, Fukushima: 0120-279-226)",
        emergency_page="city.odate.lg.jp/city/foreign-language/english/emergency-call",
    ),
}
"""What was read, country by country (ISO 3166)."""
