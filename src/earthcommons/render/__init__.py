"""Pictures and words from numbers: colours, charts, world maps, numbers as people write them.

Pure: nothing here reads a file, a clock or a network. Tiles, pages and reports all draw with
it, so one figure looks the same everywhere. What is drawn, and why, is for the floors above.
"""

__all__ = ["charts", "format", "ramps", "svg", "world_map"]
