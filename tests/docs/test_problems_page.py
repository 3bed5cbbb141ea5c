"""The page of errors is the one of the code."""

from tests.docs.problems_page import PAGE, problems_page


def test_the_page_lists_every_problem_of_the_code() -> None:
    assert PAGE.read_text("utf-8") == problems_page(), "run `make docs`"
