"""The chart in a few sentences with its numbers, for those who hear it instead of seeing it."""

from collections.abc import Iterator
from typing import Final

from app.chart.strips import MOST_SCALES, shortened
from app.chart.trend import Band, Reader, Trend
from app.chart.wording import ChartWords
from app.clinical.domains import DOMAINS, Domain

_LONGEST_NAME: Final = 36


def describe_trend(trend: Trend, words: ChartWords, *, reader: Reader = Reader.PATIENT) -> str:
    """The numbers of a chart as sentences; also the text that stands for the picture on a page."""
    return " ".join(_sentences(trend.seen_by(reader), words))


def _sentences(trend: Trend, words: ChartWords) -> Iterator[str]:
    span = words.span(trend.first_day, trend.last_day)
    yield words.check_in_days.format(span=span, count=len(trend.days))
    for index, domain in enumerate(DOMAINS):
        yield from _domain(trend, index, domain, words)
    if trend.infusions:
        last = trend.infusions[-1]
        yield words.infusions_sentence.format(
            count=len(trend.infusions), day=words.day(last.day), phase=words.infusions[last.phase]
        )
    if trend.levels:
        level = trend.levels[-1]
        yield words.level_sentence.format(level=words.levels[level.level], day=words.day(level.first_day))
    latest = {mark.scale: mark for mark in sorted(trend.totals, key=lambda mark: (mark.scale, mark.day))}
    for scale, mark in list(latest.items())[:MOST_SCALES]:
        yield words.total_sentence.format(
            scale=shortened(scale, _LONGEST_NAME), total=words.count(mark.total), day=words.day(mark.day)
        )


def _domain(trend: Trend, index: int, domain: Domain, words: ChartWords) -> Iterator[str]:
    answered = [(one.day, value) for one in trend.days if (value := one.values[index]) is not None]
    parts = []
    if answered:
        day, latest = answered[-1]
        values = [value for _, value in answered]
        parts.append(
            words.domain_sentence.format(
                domain=words.domains[domain],
                latest=words.number(latest),
                day=words.day(day),
                mean=words.number(sum(values) / len(values)),
                lowest=words.number(min(values)),
                highest=words.number(max(values)),
            )
        )
    else:
        parts.append(f"{words.domains[domain]}: {words.not_answered}")
    for band, name in ((trend.reference, words.reference), (trend.baseline, words.baseline)):
        parts += _band(band, index, name, words)
    yield "; ".join(parts) + "."


def _band(band: Band | None, index: int, name: str, words: ChartWords) -> Iterator[str]:
    value = band.values[index] if band else None
    if band is not None and value is not None:
        yield words.band_sentence.format(
            band=name,
            mean=words.number(value),
            spread=words.number(band.spread[index]),
            n=band.days[index],
        )
