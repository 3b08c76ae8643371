"""Doors for programs and people: STAC, tiles, the API and the portal's pages.

Knows HTTP; asks the floors below for everything else. No parameter ever names a file or a URL.
"""

from earthcommons.web.app import create_app

__all__ = ["create_app"]
