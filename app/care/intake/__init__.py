"""The safety intake: hears a disclosure in any request, whatever becomes of the request itself."""
