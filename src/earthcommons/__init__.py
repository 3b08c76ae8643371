"""Earth Commons: share Earth data, and turn it into numbers traced back to their pixels."""

__version__ = "0.1.0"
