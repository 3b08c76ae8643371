"""What every backend must pass: suites of tests that ship with the package.

This floor knows how a store and a catalogue behave and makes the small records to show it; it
leaves to each backend's own tests how one is opened. It needs pytest, which the package itself does
not install.
"""

from earthcommons.testing.catalog_suite import CatalogSuite
from earthcommons.testing.scenes import scene
from earthcommons.testing.store_suite import StoreSuite

__all__ = ["CatalogSuite", "StoreSuite", "scene"]
