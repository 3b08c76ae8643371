"""Doors for people at a terminal: short commands over the stories of `commons`."""
