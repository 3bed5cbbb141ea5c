"""The page of crisis lines says what the table says."""

from tests.docs.crisis_page import PAGE, crisis_page


def test_the_page_of_crisis_lines_is_made_from_the_table() -> None:
    assert PAGE.read_text("utf-8") == crisis_page()
