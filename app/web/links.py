"""The Link header of a list (RFC 8288)."""

from fastapi import Request, Response

from app.web.schemas import write_cursor


def link_next(request: Request, response: Response, position: str | None) -> None:
    """Point to the page after this one, if there is one."""
    if position is not None:
        following = request.url.include_query_params(after=write_cursor(position))
        response.headers["link"] = f'<{following.path}?{following.query}>; rel="next"'
