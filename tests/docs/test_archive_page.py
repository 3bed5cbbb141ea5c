"""The archive's data dictionary is what the tables say."""

from tests.docs.archive_page import PAGE, archive_page


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == archive_page(), "`make docs` writes it again"
