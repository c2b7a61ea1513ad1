"""Data sets from their distributors: each file by its checksum, tried again where a try fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RETRIES = 3
TIMEOUT = 30  # seconds without a byte


@dataclass(frozen=True)
class Source:
    """Where a data set's files come from.

    Parameters
    ----------
    url : str
        The address under which they lie, with its last slash.
    files : mapping
        From each file's name to its checksum, as ``"sha256:…"``.
    """

    url: str
    files: Mapping[str, str]


def download(source: Source, directory: str | Path) -> None:
    """Fetch those of the source's files that ``directory`` lacks; what is there is not replaced.

    A file takes its name only once its checksum is right.

    Raises
    ------
    OSError
        A file could not be had, or its contents are not those of the checksum, four times over.
    ModuleNotFoundError
        The pooch package is missing.
    """
    # Imported here, since only a download needs it.
    import pooch

    directory = Path(directory)
    store = pooch.create(
        path=directory,
        base_url=source.url,
        registry=dict(source.files),
        retry_if_failed=RETRIES,
    )
    fetch = pooch.HTTPDownloader(timeout=TIMEOUT)
    for name in source.files:
        if (directory / name).exists():
            continue
        try:
            store.fetch(name, downloader=fetch)
        except (ValueError, OSError) as error:
            raise OSError(
                f"{source.url}{name}: not downloaded after {1 + RETRIES} tries ({error}); "
                f"try again later, or put the file into {directory} yourself"
            ) from error
