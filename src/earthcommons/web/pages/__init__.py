"""The portal: what a person sees, as pages written on the server in English and Chinese.

Knows words, layout and addresses; every number comes from the stories and the catalogue below.
Pages read without JavaScript; maps and charts come alive as the elements of `web-ui`.
"""

from earthcommons.web.pages.router import pages_router

__all__ = ["pages_router"]
