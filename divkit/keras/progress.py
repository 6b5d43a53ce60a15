"""A progress bar for notebooks whose outputs are stored and compared."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from divkit.keras._tensorflow import Callback

__all__ = ["ProgressBar"]

Item = TypeVar("Item")


def _live_front_end() -> bool:
    """Whether a person watches: nbclient and nbval execute without a way to ask for input."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))


class ProgressBar(Callback):
    """A progress bar that shows in a live notebook only and leaves no trace in it.

    Nothing is shown under nbclient, nbval or in a terminal, so that stored outputs do not depend
    on how long a step took. In a live notebook the bar is removed when training ends, together
    with what the *same cell* has shown before it: train first, print afterwards.

    Parameters
    ----------
    label : str
        Text beside the bar.

    See Also
    --------
    VAE.fit : uses one unless told otherwise.
    """

    interval = 0.2  # seconds between two updates of the display

    def __init__(self, label: str = "training") -> None:
        super().__init__()
        self.label = label
        self._handle: Any = None
        self._epoch = 0
        self._shown_at = 0.0

    def _html(self, fraction: float, loss: float | None) -> Any:
        from IPython.display import HTML

        epochs = self.params.get("epochs") or 1
        epoch = f": epoch {min(self._epoch + 1, epochs)} of {epochs}" if epochs > 1 else ""
        text = self.label + epoch
        text += "" if loss is None else f", loss {loss:.2f}"
        return HTML(f'<progress value="{fraction:.4f}" max="1"></progress> {text}')

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Show an empty bar if somebody watches."""
        if _live_front_end():
            from IPython.display import display

            self._handle = display(self._html(0.0, None), display_id=True)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Remember the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Move the bar, a few times a second at most."""
        now = time.monotonic()
        if self._handle is None or now - self._shown_at < self.interval:
            return
        self._shown_at = now
        within = (batch + 1) / (self.params.get("steps") or batch + 1)
        fraction = (self._epoch + min(within, 1.0)) / (self.params.get("epochs") or 1)
        self._handle.update(self._html(fraction, (logs or {}).get("loss")))

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Take the bar away."""
        if self._handle is not None:
            from IPython.display import clear_output

            clear_output()
            self._handle = None


def tracked(items: Sequence[Item], label: str) -> Iterator[Item]:
    """Yield the items beside a progress bar."""
    bar = ProgressBar(label)
    bar.set_params({"steps": len(items)})
    bar.on_train_begin()
    try:
        for place, item in enumerate(items):
            yield item
            bar.on_train_batch_end(place)
    finally:
        bar.on_train_end()
