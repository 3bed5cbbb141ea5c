"""What is drawn, and where: the chart read back from its XML."""

import re
from dataclasses import replace

import pytest

from app.chart.drawing import PrefixNotUsableError, draw_trend
from app.chart.layout import LAYOUTS, Width
from app.chart.trend import ChangeMark, InfusionMark, LevelSpan, Reader, TotalMark, Trend
from app.chart.wording import chart_words
from app.clinical.course import InfusionPhase
from app.clinical.domains import PerDomain
from app.clinical.levels import Level
from tests.support.pictures import Picture, places
from tests.support.trends import BASELINE, LAST, REFERENCE, daily, day, fading, maintained, on, story, trend

ENGLISH, SPANISH = chart_words("en-US"), chart_words("es-MX")


def drawn(
    one: Trend, *, width: Width = Width.WIDE, reader: Reader = Reader.PATIENT, locale: str = "en-US"
) -> Picture:
    return Picture(draw_trend(one, chart_words(locale), width=width, reader=reader))


# report   place between 10 (top) and 0 (bottom)
HEIGHTS = [(10.0, 0.0), (5.0, 0.5), (0.0, 1.0), (7.5, 0.25)]


@pytest.mark.parametrize(("report", "share"), HEIGHTS)
@pytest.mark.parametrize("width", Width)
def test_a_report_stands_at_its_height_in_each_panel(report: float, share: float, width: Width) -> None:
    picture = drawn(trend(11, [day(5, report, report, report)], baseline=BASELINE), width=width)
    layout = LAYOUTS[width]
    for domain in range(3):
        grid = picture.grid(domain)
        ((place,),) = picture.lines(domain)
        assert place[1] == pytest.approx(grid[10] + share * (grid[0] - grid[10]), abs=0.1)
        assert place[0] == pytest.approx(layout.left + layout.plot_width / 2, abs=0.1), "day 6 of 11"


def test_the_three_panels_share_one_time_axis() -> None:
    picture = drawn(trend(30, [day(20, 1, 5, 9), day(3, 2, 6, 8)]))
    assert len({tuple(x for line in picture.lines(domain) for x, _ in line) for domain in range(3)}) == 1


def test_a_gap_is_two_polylines() -> None:
    picture = drawn(trend(10, [day(9, 5), day(8, 6), day(6, 7), day(5, 7), day(4, 7)]))
    assert [len(line) for line in picture.lines(0)] == [2, 3]


def test_a_day_on_which_one_domain_was_skipped_is_a_gap_in_that_domain_only() -> None:
    picture = drawn(trend(10, [day(3, 5, 5, 5), day(2, 6, None, 6), day(1, 7, 7, 7)]))
    assert [[len(line) for line in picture.lines(domain)] for domain in range(3)] == [[3], [1, 1], [3]]


def test_the_bands_lie_a_standard_deviation_around_baseline_and_reference() -> None:
    picture = drawn(trend(30, [day(1, 5)], baseline=BASELINE, reference=REFERENCE))
    for kind, band in (("baseline", BASELINE), ("reference", REFERENCE)):
        for domain, shape in enumerate(picture.band(kind)):
            grid = picture.grid(domain)
            a_point = (grid[0] - grid[10]) / 10
            top, height = float(shape.get("y") or 0), float(shape.get("height") or 0)
            value = band.values[domain]
            assert value is not None
            assert height == pytest.approx(2 * band.spread[domain] * a_point, abs=0.2)
            assert top + height / 2 == pytest.approx(grid[0] - value * a_point, abs=0.2)
    assert len(picture.band("baseline")) == len(picture.band("reference")) == 3
    assert "after induction" in picture.words
    assert "8.0 ± 1.1" in picture.words


def test_a_band_is_cut_off_at_the_ends_of_the_scale() -> None:
    high = replace(REFERENCE, values=PerDomain(9.8, 0.2, None))
    picture = drawn(trend(30, [day(1, 5)], reference=high))
    mood, energy = picture.band("reference")
    assert float(mood.get("y") or 0) == picture.grid(0)[10]
    bottom = float(energy.get("y") or 0) + float(energy.get("height") or 0)
    assert bottom == pytest.approx(picture.grid(1)[0], abs=0.1)


def test_without_baseline_or_reference_there_is_no_band_and_no_word_of_one() -> None:
    picture = drawn(trend(30, daily(30, fading)))
    assert picture.band("baseline") + picture.band("reference") == []
    assert not any("after induction" in text or "before treatment" in text for text in picture.words)


def test_induction_and_booster_differ_by_their_shape_and_their_line() -> None:
    infusions = [
        *(InfusionMark(day=on(ago), phase=InfusionPhase.INDUCTION) for ago in (20, 19, 18)),
        InfusionMark(day=on(2), phase=InfusionPhase.BOOSTER),
    ]
    picture = drawn(trend(30, daily(30, fading), infusions=infusions))
    marks = {kind: picture.all("path", kind)[0].get("d") or "" for kind in ("induction", "booster")}
    assert marks["induction"].count("M") == 3, "three on successive days are three"
    assert marks["booster"].count("M") == 1
    assert len({re.sub(r"M[\d.]+,[\d.]+", "", one.split("z")[0]) for one in marks.values()}) == 2
    (line,) = picture.all("path", "at-booster")
    assert (line.get("d") or "").count("v") == 3, "a line of a separate kind through each panel"
    assert {"induction infusion", "booster infusion"} <= set(picture.words)


@pytest.mark.parametrize("width", Width)
@pytest.mark.parametrize("locale", ["en-US", "es-MX"])
def test_a_patient_never_sees_a_level_or_a_total(width: Width, locale: str) -> None:
    clinician = drawn(story(), width=width, reader=Reader.CLINICIAN, locale=locale)
    patient = drawn(story(), width=width, reader=Reader.PATIENT, locale=locale)
    words = chart_words(locale)
    assert any(words.levels[Level.CONSIDER_BOOSTER] in text for text in clinician.words)
    assert words.levels[Level.CONSIDER_BOOSTER] in clinician.description
    assert "PHQ-9" in clinician.description
    for hidden in (*words.levels.values(), f"{words.level}:", "PHQ-9", "MADRS"):
        assert hidden not in " ".join([*patient.words, patient.description])
    assert patient.all("path", "level") == []


@pytest.mark.parametrize("width", Width)
def test_what_else_changed_and_notes_stand_on_their_days_and_are_said(width: Width) -> None:
    changes = [ChangeMark(day=on(3), kind="tms"), ChangeMark(day=on(20), kind="antidepressant_started")]
    one = replace(trend(30, [day(1, 5)]), changes=changes, notes=(on(2), on(12)))
    picture = drawn(one, width=width, reader=Reader.CLINICIAN)
    rows = ["".join(text.itertext()) for text in picture.all("text", "middle") if list(text)]
    assert [sorted(row) for row in rows] == [["A", "B"], ["1", "2"]]
    assert {"Also changed", "Notes"} <= set(picture.words)
    assert "Also changed: A: antidepressant started, " in picture.description
    assert "Notes of the patient: 2, the last on " in picture.description
    assert any(one.startswith("B: TMS, ") for one in picture.words), "in the legend"
    spanish = drawn(one, width=width, reader=Reader.CLINICIAN, locale="es-MX")
    assert {"También cambió", "Notas"} <= set(spanish.words)
    own = drawn(one, width=width, reader=Reader.PATIENT)
    assert not [word for word in own.words if "changed" in word or word == "Notes"]


def test_many_changes_and_notes_stay_below_50_kb_and_within_the_letters() -> None:
    changes = [ChangeMark(day=on(ago), kind="weight") for ago in range(1800)]
    one = replace(trend(1830, [day(1, 5)]), changes=changes, notes=[on(ago) for ago in range(1830)])
    for width in Width:
        text = draw_trend(one, ENGLISH, width=width, reader=Reader.CLINICIAN)
        assert len(text.encode()) < 50_000
        assert "Z: weight" in text


def test_a_worse_level_stands_higher() -> None:
    picture = drawn(story(), reader=Reader.CLINICIAN)
    bars = {(one.get("class") or "").split()[1]: one.get("d") or "" for one in picture.all("path", "level")}
    heights = [int(re.findall(r"v-(\d+)", bars[level.value])[0]) for level in Level if level.value in bars]
    assert heights == sorted(heights)
    assert len(set(heights)) == len(Level) - 1, "the story knows no unknown"


def test_acute_days_are_hollow_and_late_ones_underlined_and_both_explained() -> None:
    days = [day(4, 5), replace(day(3, 5), acute=True), replace(day(2, 5), late=True), day(1, 5)]
    picture = drawn(trend(10, days))
    (hollow,) = picture.all("polyline", "none")
    assert places(hollow.get("points") or "") == [picture.lines(0)[0][1]]
    late = [one for one in picture.all("path", "late") if one.get("d", "").count("M") == 1]
    assert late
    assert any("24 hours" in text for text in picture.words)
    assert "reported late" in picture.words


def test_signs_that_are_not_in_the_chart_are_not_explained() -> None:
    words = drawn(trend(30, [day(1, 5)])).words
    assert not {"reported late", "booster infusion", "after induction", "steady"} & set(words)


def test_the_description_says_the_numbers() -> None:
    description = drawn(trend(10, [day(3, 4), day(1, 8)], baseline=BASELINE, reference=REFERENCE)).description
    assert "Days with a check-in: 2." in description
    assert "latest 8.0 on Nov 2, 2026, mean 6.0, from 4.0 to 8.0" in description
    assert "after induction 8.0, give or take 1.1, from 7 days" in description
    assert "before treatment 2.9" in description
    assert "Energy: not answered" in description


def test_it_reads_in_spanish_with_spanish_dates_and_numbers() -> None:
    picture = drawn(trend(31, [day(1, 7.5, 7, 7)], reference=REFERENCE), locale="es-ES")
    assert picture.root.get("lang") == "es-ES"
    assert {"Ánimo", "Energía", "Calidad del sueño", "tras la inducción"} <= set(picture.words)
    assert "7,5 el 2 nov" in picture.words


def test_screen_readers_get_a_role_a_title_and_a_description() -> None:
    picture = drawn(story())
    assert picture.root.get("role") == "img"
    named = (picture.root.get("aria-labelledby") or "").split()
    assert named == [picture.all("title")[0].get("id"), picture.all("desc")[0].get("id")]


def test_two_charts_on_one_page_share_no_id() -> None:
    first, second = (
        Picture(draw_trend(story(), ENGLISH, prefix=prefix, reader=Reader.CLINICIAN)) for prefix in ("a", "b")
    )
    assert len(first.ids) == len(set(first.ids))
    assert set(first.ids) & set(second.ids) == set()
    assert set(re.findall(r"url\(#([\w-]+)\)", first.text)) <= set(first.ids)


@pytest.mark.parametrize("prefix", ["", "1a", "A", "a b", '"', "a'", "a)"])
def test_a_prefix_that_cannot_begin_an_id_is_refused(prefix: str) -> None:
    with pytest.raises(PrefixNotUsableError):
        draw_trend(story(), ENGLISH, prefix=prefix)


HOSTILE = [
    "</text><script>alert(1)</script>",
    '" onload="alert(1)',
    "&lol;",
    "]]>",
    "\x00\x0b\x1b\ufffe\ud800",
    "x" * 500,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_clinics_own_scale_cannot_break_out_of_its_text(name: str) -> None:
    totals = [TotalMark(day=on(3), scale=name, total=12)]
    picture = drawn(trend(30, [day(1, 5)], totals=totals), reader=Reader.CLINICIAN)
    assert picture.all("script") == []
    assert not any(key.startswith("on") for one in picture.root.iter() for key in one.attrib)
    assert "12" in picture.words


def test_nothing_is_fetched_and_nothing_runs() -> None:
    text = draw_trend(story(), ENGLISH, reader=Reader.CLINICIAN)
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|<foreignObject|<image|href|@import|\son\w+=|style=", text)


# what                          trend                          words that must be there
ODD = [
    ("nothing at all", trend(30), "No check-ins in this time"),
    ("one day long, nothing", trend(1), "No check-ins in this time"),
    ("a single check-in", trend(30, [day(3, 5, 5, 5)]), "5.0 on Oct 31"),
    ("one day long", trend(1, [day(0, 5, 5, 5)]), "5.0 on Nov 3"),
    ("one domain only", trend(30, [day(3, 5), day(2, 6)]), "not answered"),
    ("always the same", trend(30, [day(ago, 5, 5, 5) for ago in range(29, -1, -1)]), "5.0 on Nov 3"),
    ("always 0", trend(30, [day(ago, 0, 0, 0) for ago in range(29, -1, -1)]), "0.0 on Nov 3"),
    ("always 10", trend(30, [day(ago, 10, 10, 10) for ago in range(29, -1, -1)]), "10.0 on Nov 3"),
]


@pytest.mark.parametrize(("one", "said"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
@pytest.mark.parametrize("width", Width)
def test_odd_trends_are_drawn_too(one: Trend, said: str, width: Width) -> None:
    assert said in drawn(one, width=width).words


# days    width          days a mark    most lines of marks in a panel
THINNED = [
    (31, Width.WIDE, 1),
    (92, Width.WIDE, 1),
    (92, Width.COMPACT, 1),
    (366, Width.WIDE, 7),
    (366, Width.COMPACT, 7),
    (1827, Width.WIDE, 7),
    (1827, Width.COMPACT, 28),
    (9132, Width.WIDE, 91),
]


@pytest.mark.parametrize(("length", "width", "bucket"), THINNED)
def test_a_long_time_is_thinned_out_and_says_so(length: int, width: Width, bucket: int) -> None:
    picture = drawn(maintained(length), width=width, reader=Reader.CLINICIAN)
    assert len(picture.text.encode()) < 50_000
    marks = sum(len(line) for line in picture.lines(0))
    assert length * 0.7 / bucket <= marks <= length / bucket + 2
    said = ENGLISH.averaged[bucket].split(";")[0].split()
    assert " ".join(said[:5]) in " ".join(picture.words)
    assert bool(picture.all("polygon", "range")) == (bucket > 1)


def test_a_weeks_mark_is_the_mean_of_its_days_and_its_shade_spans_them() -> None:
    monday = next(ago for ago in range(7, 14) if on(ago).weekday() == 0)
    days = [day(monday, 2), day(monday - 1, 4), day(monday - 2, 9)]
    picture = drawn(trend(300, days))
    grid = picture.grid(0)
    (((_, y),),) = picture.lines(0)
    assert y == pytest.approx(grid[0] - (grid[0] - grid[10]) * 0.5, abs=0.1), "5 is the mean of 2, 4 and 9"
    (shade,) = picture.all("polygon", "range")
    heights = sorted({float(one.split(",")[1]) for one in (shade.get("points") or "").split()})
    assert heights == [pytest.approx(grid[0] - (grid[0] - grid[10]) * share, abs=0.1) for share in (0.9, 0.2)]


def test_weeks_do_not_move_when_the_range_does() -> None:
    days = daily(300, fading)
    today = drawn(Trend(first_day=on(299), last_day=LAST, days=days))
    tomorrow = drawn(Trend(first_day=on(298), last_day=on(-1), days=days))
    assert [y for line in today.lines(0) for _, y in line][5:] == [
        y for line in tomorrow.lines(0) for _, y in line
    ][5:]


def test_levels_may_change_every_day_for_years() -> None:
    levels = [
        LevelSpan(first_day=on(ago), last_day=on(ago), level=list(Level)[ago % 5])
        for ago in range(1826, -1, -1)
    ]
    picture = drawn(replace(maintained(1827), levels=levels), reader=Reader.CLINICIAN)
    assert len(picture.text.encode()) < 50_000
    assert "consider_booster" in "".join(one.get("class") or "" for one in picture.all("path", "level"))


@pytest.mark.parametrize("length", [100, 200, 1827])
@pytest.mark.parametrize("width", Width)
def test_even_a_day_full_of_everything_every_day_stays_below_50_kb(length: int, width: Width) -> None:
    days, infusions, levels, totals = [], [], [], []
    for ago in range(length - 1, -1, -1):
        report = (ago * 7 % 101) / 10
        days.append(replace(day(ago, report, 10 - report, report), acute=True, late=True))
        infusions.append(InfusionMark(day=on(ago), phase=list(InfusionPhase)[ago % 2]))
        levels.append(LevelSpan(first_day=on(ago), last_day=on(ago), level=list(Level)[ago % 4]))
        totals.append(TotalMark(day=on(ago), scale=f"{'&' * 50} {ago % 8}", total=12.25))
    full = trend(
        length,
        days,
        infusions=infusions,
        levels=levels,
        totals=totals,
        baseline=BASELINE,
        reference=REFERENCE,
    )
    assert len(drawn(full, width=width, reader=Reader.CLINICIAN, locale="es").text.encode()) < 50_000
