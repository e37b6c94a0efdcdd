"""Image names into headers, and the hidden version of a data set.

Rules: the Challenge's contract, "Data preparation commands".
"""

import os
import re
from pathlib import Path

from giraffe.ecg.records import find_headers, parse_header, read_text
from giraffe.files import copy_with_times, write_atomically

_IMAGE = re.compile(r"^(.*)-([^-]*)\.(?:png|jpg|jpeg)$")


def _same_folder(a: str | Path, b: str | Path) -> bool:
    return os.path.normpath(a) == os.path.normpath(b)


def list_images(folder: Path) -> dict[str, list[str]]:
    """Image files ``RECORD-k`` of a folder by record; by k as numbers if all are, else by name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in os.listdir(folder):
        if match := _IMAGE.match(name):
            found.setdefault(match[1], []).append((match[2], name))
    return {record: _in_order(images) for record, images in found.items()}


def _in_order(images: list[tuple[str, str]]) -> list[str]:
    if all(key.isdigit() for key, _ in images):
        images = [(int(key), name) for key, name in images]
        return [name for _, name in sorted(images)]
    return sorted(name for _, name in images)


def with_image_line(text: str, images) -> str:
    """A header whose last line names the images; earlier such lines and blank ones are gone."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("# Image:")]
    return "\n".join([*lines, f"# Image: {', '.join(images)}"]) + "\n"


def prepare_images(input_folder: str | Path, output_folder: str | Path) -> int:
    """Name the image files beside each header in the header; copy signals and images.

    Returns
    -------
    int
        Number of records.
    """
    input_folder, output_folder = Path(input_folder), Path(output_folder)
    names = find_headers(input_folder)
    # Folders with many records are listed once.
    listings: dict[Path, dict[str, list[str]]] = {}
    for name in names:
        folder = (input_folder / name).parent
        if folder not in listings:
            listings[folder] = list_images(folder)
        images = listings[folder].get(Path(name).name, [])
        text = read_text(input_folder / f"{name}.hea")
        write_atomically(output_folder / f"{name}.hea", with_image_line(text, images))
        if not _same_folder(input_folder, output_folder):
            files = [*_signal_files(text, name), *images]
            _copy(folder, (output_folder / name).parent, files)
    return len(names)


def hide(
    input_folder: str | Path,
    output_folder: str | Path,
    include_waveforms: bool = False,
    include_labels: bool = False,
    include_images: bool = False,
) -> int:
    """Make the version of a data set that a model may see.

    Parameters
    ----------
    input_folder, output_folder : path
        May be the same; then the signal files are deleted unless waveforms are included.
    include_waveforms, include_labels, include_images : bool
        Copy the signals; keep the lines of labels; keep the lines of images and copy the files.

    Returns
    -------
    int
        Number of records.
    """
    input_folder, output_folder = Path(input_folder), Path(output_folder)
    same = _same_folder(input_folder, output_folder)
    names = find_headers(input_folder)
    for name in names:
        text = read_text(input_folder / f"{name}.hea")
        folder = (input_folder / name).parent
        header = hide_header(text, include_labels, include_images)
        write_atomically(output_folder / f"{name}.hea", header)
        signals = _signal_files(text, name)
        if same and not include_waveforms:
            for file in signals:
                (folder / file).unlink(missing_ok=True)
        if not same:
            files = list(signals) if include_waveforms else []
            if include_images:
                files += parse_header(text, name).image_files
            _copy(folder, (output_folder / name).parent, files)
    return len(names)


def hide_header(text: str, include_labels: bool = False, include_images: bool = False) -> str:
    """A header without dates, initial values, checksums and, unless asked for, comments."""
    lines = text.split("\n")
    record_line = lines[0].split(" ")
    hidden = [" ".join(record_line[:4])]
    num_signals = int(record_line[1])
    for line in lines[1 : 1 + num_signals]:
        fields = line.split(" ")
        hidden.append(" ".join([*fields[:5], "", "", "", *fields[8:9]]))
    for line in lines[1 + num_signals :]:
        if (include_labels and line.startswith("# Labels:")) or (
            include_images and line.startswith("# Image:")
        ):
            hidden.append(line)
    return "\n".join(hidden) + "\n"


def _signal_files(text: str, name: str) -> tuple[str, ...]:
    return parse_header(text, name).signal_files


def _copy(source: Path, target: Path, files) -> None:
    for file in files:
        if (source / file).is_file():
            copy_with_times(source / file, target / file)
