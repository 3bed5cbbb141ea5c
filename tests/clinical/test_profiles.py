"""Expected sessions and cautions say what the sources say, and where."""

import pytest

from app.clinical.profiles import CAUTION_SOURCES, EXPECTED_SESSIONS, Boosters, Caution, Profile, fits_profile


@pytest.mark.parametrize(
    ("profile", "fewest", "most", "boosters"),
    [
        ("first_time", 6, 6, "not_stated"),
        ("severe_or_chronic", 6, 8, "ongoing"),
        ("mild_to_moderate", 4, 6, "optional"),
        ("recurring_relapse", None, None, "monthly_or_as_needed"),
    ],
)
def test_the_sessions_that_the_source_names(
    profile: str, fewest: int | None, most: int | None, boosters: str
) -> None:
    expected = EXPECTED_SESSIONS[Profile(profile)]

    assert (expected.fewest, expected.most, expected.boosters) == (fewest, most, Boosters(boosters))
    assert expected.source == "Serenity 2025"


@pytest.mark.parametrize(
    ("profile", "planned", "fits"),
    [
        (Profile.FIRST_TIME, 6, True),
        (Profile.FIRST_TIME, 5, False),
        (Profile.SEVERE_OR_CHRONIC, 8, True),
        (Profile.SEVERE_OR_CHRONIC, 9, False),
        (Profile.MILD_TO_MODERATE, 4, True),
        (Profile.RECURRING_RELAPSE, 3, None),
    ],
)
def test_whether_a_planned_series_fits_the_profile(profile: Profile, planned: int, fits: bool | None) -> None:
    assert fits_profile(profile, planned) is fits


def test_every_profile_is_described_and_every_caution_has_a_source() -> None:
    assert set(EXPECTED_SESSIONS) == set(Profile)
    assert set(CAUTION_SOURCES) == set(Caution)
    assert {caution for caution, source in CAUTION_SOURCES.items() if source == "published"} == {
        Caution.URINARY_SYMPTOMS,
        Caution.BLOOD_PRESSURE_ABOVE_140_90,
        Caution.PREGNANCY,
    }
