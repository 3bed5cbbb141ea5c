"""Signals rest on criteria; stored answers and numbers of the rule are named with the field's words.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# As PostgreSQL writes JSON: a key is followed by a colon and a blank. Nothing here is free text, so no word of
# a person is touched; each new word is in no answer of before, so the way down finds exactly these.
_KEYS = (
    ("grounds", "criteria"),
    ("ground", "criterion"),
    ("held_back", "suppressed_by"),
    ("channel", "domain"),
    ("line", "threshold"),
    ("benefits", "response_durations"),
    ("by_ground", "by_criterion"),
)
_VALUES = (
    ("one_channel", "one_domain"),
    ("channel_lost_enough", "domain_lost_enough"),
    ("channel_watch_reached", "domain_watch_reached"),
    ("channel_still_watching", "domain_still_watching"),
    ("channel_off", "domain_off"),
    ("would_have_changed", "counterfactual"),
    ("nothing_would_have_changed", "no_counterfactual"),
    ("below_line", "below_threshold"),
)
_NUMBERS = (
    ("channel_least_gain", "domain_least_gain"),
    ("channel_least_days", "domain_least_days"),
    ("channel_within_days", "domain_within_days"),
    *(
        (f"benefit_{rest}", f"response_duration_{rest}")
        for rest in ("median_days", "weight", "spread", "covered", "shortest_days")
    ),
)
_ANSWERS = (("signals", "decision"), ("signals", "latest"), ("evaluations", "answer"))
_WITH_NUMBERS = (*_ANSWERS, ("clinic_policies", "numbers"), ("what_ifs", "numbers"), ("what_ifs", "found"))


def upgrade() -> None:
    for old, new in (("ground", "criterion"), ("grounds", "criteria")):
        op.execute(f"ALTER TABLE care.signals RENAME COLUMN {old} TO {new}")
    _signals_on("one_channel", "one_domain")
    for table, column in _WITH_NUMBERS:
        _reword(table, column, _words(named=(table, column) in _ANSWERS, back=False))
    # The rule's own memory is made again from the reports; nothing else knows its form.
    op.execute("UPDATE care.patient_states SET memory = NULL WHERE memory IS NOT NULL")


def downgrade() -> None:
    for table, column in _WITH_NUMBERS:
        _reword(table, column, _words(named=(table, column) in _ANSWERS, back=True))
    _signals_on("one_domain", "one_channel")
    for old, new in (("criterion", "ground"), ("criteria", "grounds")):
        op.execute(f"ALTER TABLE care.signals RENAME COLUMN {old} TO {new}")
    op.execute("UPDATE care.patient_states SET memory = NULL WHERE memory IS NOT NULL")


def _words(*, named: bool, back: bool) -> list[tuple[str, str]]:
    """Give what is written for what: keys and codes of an answer, and the rule's numbers in any of them."""
    pairs = [(f'"{old}": ', f'"{new}": ') for old, new in _KEYS] if named else []
    pairs += [(f'"{old}"', f'"{new}"') for old, new in _VALUES] if named else []
    pairs += list(_NUMBERS)
    return [(new, old) for old, new in pairs] if back else pairs


def _reword(table: str, column: str, words: list[tuple[str, str]]) -> None:
    text = f"{column}::text"
    for old, new in words:
        text = f"replace({text}, '{old}', '{new}')"
    op.get_bind().exec_driver_sql(
        f"UPDATE care.{table} SET {column} = ({text})::jsonb WHERE {column} IS NOT NULL"
    )


def _signals_on(old: str, new: str) -> None:
    op.execute(
        f"UPDATE care.signals SET criterion = replace(criterion, '{old}', '{new}'), "
        f"criteria = array_replace(criteria, '{old}', '{new}') WHERE '{old}' = ANY (criteria)"
    )
