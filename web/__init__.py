"""The web tier: pages and the HTTP interface. Stateless; any replica answers any request."""

from web.application import create_app

__all__ = ["create_app"]
