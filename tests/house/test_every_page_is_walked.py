"""No page is added that the walk in a browser does not look at."""

from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

from app.web.pages.page_route import PageRoute
from tests.support.every_page import BY_STEPS, EVERY, NO_PAGE
from tests.support.the_api import the_api


def pages() -> list[str]:
    """Give the path of every page, in the order in which routes are looked up."""
    contexts = iter_route_contexts(the_api().routes)
    return [
        str(one.path)
        for one in contexts
        if isinstance(one.original_route, PageRoute) and "GET" in (one.methods or ())
    ]


def test_every_page_is_walked_or_says_why_it_is_none() -> None:
    found = pages()
    patterns = [(path, compile_path(path)[0]) for path in found]
    addresses = [place.address.partition("?")[0] for place in EVERY if place.address]
    walked = {
        next(path for path, pattern in patterns if pattern.match(address))
        for address in (one.replace("{new_link}", "/p/link/token") for one in addresses)
    }
    assert set(found) - walked - set(NO_PAGE) - set(BY_STEPS) == set()
    assert set(BY_STEPS.values()) <= {place.name for place in EVERY}
    assert {*NO_PAGE, *BY_STEPS} - set(found) == set(), "an exception is a route that exists"
    assert walked & set(NO_PAGE) == set()
