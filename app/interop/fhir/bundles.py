"""Bundles: a page of a search with the way to the next, and a collection of everything."""

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from app.interop.fhir.codes import Json
from app.interop.fhir.queries import Page


def searchset(page: Page, *, base_url: str, kind: str, parameters: Sequence[tuple[str, str]]) -> Json:
    """Make the Bundle of a page; there are no totals, for counting would mean reading all of it."""
    asked = [one for one in parameters if one[0] != "_page"]
    links = [{"relation": "self", "url": _url(base_url, kind, parameters)}]
    if page.following is not None:
        links.append({"relation": "next", "url": _url(base_url, kind, [*asked, ("_page", page.following)])})
    entries = [_entry(base_url, one, "match") for one in page.matches]
    entries += [_entry(base_url, one, "include") for one in page.included]
    return _bundle(links, entries)


def everything_set(resources: Iterable[Json], *, base_url: str, path: str) -> Json:
    """Make the Bundle of all that is known of a patient."""
    links = [{"relation": "self", "url": f"{base_url}/{path}"}]
    return _bundle(links, [_entry(base_url, one, "match") for one in resources])


def _bundle(links: list[Json], entries: list[Json]) -> Json:
    made: Json = {"resourceType": "Bundle", "type": "searchset", "link": links}
    return {**made, "entry": entries} if entries else made


def _entry(base_url: str, resource: Json, mode: str) -> Json:
    url = f"{base_url}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _url(base_url: str, kind: str, parameters: Sequence[tuple[str, str]]) -> str:
    query = urlencode(parameters)
    return f"{base_url}/{kind}?{query}" if query else f"{base_url}/{kind}"
