"""Progress bars, which disappear when they are done and are shown on terminals only."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")


def bars(console: Console) -> Progress:
    """Return a display of progress bars that count items."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def counted(items: Iterable[Item], console: Console, what: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items, showing how many have passed; without `total` there is no percentage."""
    with bars(console) as progress:
        yield from progress.track(items, total=total, description=what)
