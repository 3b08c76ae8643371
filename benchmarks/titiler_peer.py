"""The peer of `tiles.py`, run by uvicorn in the peers' environment: titiler.core's own factory."""

from fastapi import FastAPI
from titiler.core.errors import DEFAULT_STATUS_CODES, add_exception_handlers
from titiler.core.factory import TilerFactory

app = FastAPI()
app.include_router(TilerFactory().router)
add_exception_handlers(app, DEFAULT_STATUS_CODES)


@app.get("/health")
def health() -> dict[str, str]:
    return {"state": "up"}
