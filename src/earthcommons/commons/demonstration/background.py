"""Build the demonstration node beside the service, so that the portal answers while it grows."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from earthcommons.commons.demonstration.build import Step, build
from earthcommons.errors import CommonsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BackgroundBuild"]

_LOG = logging.getLogger(__name__)


class BackgroundBuild:
    """A build in a thread of its own, and how far it is."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._step: Step | None = Step(0, 1, "starting")
        self._failed = ""
        self._thread = threading.Thread(target=self._run, name="demonstration", daemon=True)

    def start(self) -> None:
        """Begin building."""
        self._thread.start()

    def progress(self) -> tuple[int, int, str] | None:
        """Return (done, total, what), or None when everything is there."""
        step = self._step
        if step is None:
            return None
        return step.done, step.total, self._failed or step.text

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; return whether it was reached without a failure."""
        self._thread.join(timeout_s)
        return self._step is None

    def _run(self) -> None:
        try:
            for step in build(self._root):
                self._step = step
                print(f"{step.done:3d}/{step.total}  {step.text}", flush=True)  # noqa: T201
        except CommonsError as error:
            self._failed = f"the build stopped: {error}"
            _LOG.exception("the demonstration could not be built")
        except Exception as error:
            # A full disk, say: whoever looks at the page must see that nothing more will come.
            self._failed = f"the build stopped: {type(error).__name__}; see the terminal"
            _LOG.exception("the demonstration could not be built")
        else:
            self._step = None
