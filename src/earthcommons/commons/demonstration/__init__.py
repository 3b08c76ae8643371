"""The sample pack: a small, licence-clear set of real data, and the recipe that made it.

Knows: which pieces the pack holds, what each is, from whose file and how it was derived
(`sources.toml`), and how to derive them again (`recipe`). Leaves ingest, indicators and
stories to others. `pack/` holds the derived files; the providers' files are never carried.
"""

from earthcommons.commons.demonstration.sources import (
    Piece,
    ProviderFile,
    Variable,
    load_pieces,
    pack_path,
)

__all__ = ["Piece", "ProviderFile", "Variable", "load_pieces", "pack_path"]
