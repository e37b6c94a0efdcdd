"""A model folder becomes an object that turns images into probabilities and labels."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.special import expit, logit
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.inception import BasicConv2d

from giraffe.chart.digitizer import Digitizer, PictureSignals
from giraffe.chart.lighting import frame_size, lay_flat
from giraffe.chart.reader import Finding, find_charts
from giraffe.classes import CLASSES, exclude
from giraffe.device import autocast, best_device, channels_last, choose_batch, choose_precision
from giraffe.ecg.records import LEADS, Waveform, open_record
from giraffe.errors import ImageError, RecordError
from giraffe.network.calibration import EDGE, calibrate
from giraffe.network.checkpoint import SignalPart, load_model, load_signals
from giraffe.network.signalnet import FS, NUM_SAMPLES, SignalNet, as_signal, logits
from giraffe.pictures import read_file, read_image, resize, to_rgb
from giraffe.recipe import SHIPPED

log = logging.getLogger(__name__)

LEAST_HEIGHT, MOST_HEIGHT = 75, 2048  # px: InceptionV3's smallest input; what memory allows
LEAST_LEADS = 6  # of which a second each was read: with fewer the picture alone answers
SCANNED = None, 2200  # px: at 200 dpi, as which traces are read; see `Classifier.frame`
VIEW_MARGIN = 0.012
"""Share of a page's sides that each further view leaves away."""
EXCLUDING = np.array([[exclude(one, other) for other in CLASSES] for one in CLASSES])


def decide(probabilities, thresholds, rule: str = "most_probable") -> np.ndarray:
    """Labels of probabilities.

    Parameters
    ----------
    probabilities : array_like, shape (records, classes)
    thresholds : array_like, shape (classes,)
    rule : str
        ``within_0.1``, the paper's: where no class passes its threshold, every class within 0.1 of
        the most probable. ``most_probable``: where none passes, the class with the largest ratio
        of probability to threshold; and of classes that pass and exclude each other
        (`giraffe.classes.EXCLUSIVE`) the one with the larger ratio.

    Returns
    -------
    ndarray of bool, shape (records, classes)
        At least one class per record.
    """
    p, thresholds = np.asarray(probabilities, dtype=float), np.asarray(thresholds, dtype=float)
    passed = np.greater_equal(p, thresholds)
    none = ~passed.any(axis=1)
    if rule == "within_0.1":
        fallback = p >= p.max(axis=1, keepdims=True) - 0.1
    elif rule == "most_probable":
        ratio = p / thresholds
        passed = _without_contradictions(passed, ratio)
        fallback = np.arange(p.shape[1]) == ratio.argmax(axis=1)[:, None]
    else:
        raise ValueError(f"unknown rule {rule!r}")
    return np.where(none[:, None], fallback, passed)


def _without_contradictions(passed: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """What stays where labels are given in the order of their ratios, unless one before excludes.

    Of equal ones the later class stays: a finding, not NORM.
    """
    given, records = np.zeros_like(passed), np.arange(len(passed))
    for k in np.argsort(ratio, axis=1, kind="stable")[:, ::-1].T:  # of each record its next class
        given[records, k] = passed[records, k] & ~(given & EXCLUDING[k]).any(axis=1)
    return given


def fold_batch_norm(network: torch.nn.Module) -> None:
    """Merge each batch normalisation into the convolution before it, in place."""
    for module in network.modules():
        if isinstance(module, BasicConv2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.bn)
            module.bn = torch.nn.Identity()


def _pixels(image) -> np.ndarray:
    return image if isinstance(image, np.ndarray) else to_rgb(image)


class Classifier:
    """One trained network, or an ensemble whose probabilities are averaged.

    Some models, as the one that comes with the package, have networks that read signals besides:
    then the traces of each picture are digitized, and the answer is the mean of both log-odds.

    Parameters
    ----------
    folder : path
        Model folder; by default that of the model that comes with the package.
    device : torch.device, optional
        The best there is by default.
    scale : float
        Factor on the size of the networks' input; InceptionV3 takes other sizes than it learned
        with, and reads worse at them.
    signals : bool
        Whether a model's networks that read signals take part; without them it is three times as
        fast.

    Attributes
    ----------
    digitizer : Digitizer or None
        Reads the traces, where they are asked for.

    Raises
    ------
    giraffe.network.checkpoint.ModelError
        If the folder holds no usable model.
    ValueError
        If its networks do not read at this scale.

    Examples
    --------
    >>> classifier = Classifier()                                # doctest: +SKIP
    >>> classifier.probabilities([PIL.Image.open("page.jpg")])   # doctest: +SKIP
    """

    def __init__(
        self,
        folder: str | Path = SHIPPED,
        device: torch.device | None = None,
        scale: float = 1.0,
        signals: bool = True,
    ):
        self.networks, self.description = load_model(folder)
        self.device = device or best_device()
        self.precision = choose_precision(self.device)
        self.batch = choose_batch(self.device, self.precision)
        self.height, self.width = (round(side * scale) for side in self.description["size"])
        fixed = self.description["recipe"].architecture != "inception"
        if scale != 1 and (fixed or not LEAST_HEIGHT <= self.height <= MOST_HEIGHT):
            raise ValueError(
                f"scale {scale:g}: this model reads at "
                + ("its own size alone" if fixed else f"{LEAST_HEIGHT} to {MOST_HEIGHT} px height")
            )
        self.thresholds = np.array(self.description["thresholds"])
        self.digitizer: Digitizer | None = None
        self._readers: list[SignalNet] = []
        self._part: SignalPart | None = None
        for network in self.networks:
            fold_batch_norm(network)
            channels_last(network, self.device)
        if signals and self.straightened and self.description["signals"] is not None:
            self.use_signals(self.description["signals"])

    def use_signals(self, part: SignalPart) -> None:
        """From here on networks that read signals take part, this model's own or another's.

        Raises
        ------
        giraffe.network.checkpoint.ModelError
            If they cannot be used.
        """
        self.digitizer, self._readers = Digitizer(), load_signals(part)
        self._part, self.thresholds = part, np.array(part.thresholds)

    @property
    def straightened(self) -> bool:
        """Whether the networks see charts laid flat and not whole pictures."""
        return self.description["recipe"].straightened

    def find(self, images: Sequence) -> list[Finding | None]:
        """Where the charts of pictures lie; None for each if the networks see whole pictures.

        Parameters
        ----------
        images : sequence of PIL images or uint8 arrays of shape (height, width, 3)
        """
        if not self.straightened:
            return [None] * len(images)
        return list(find_charts([_pixels(image) for image in images]))

    def read(self, path: Path) -> list[np.ndarray]:
        """The pictures of a file, as large as this model needs them.

        Returns and errors are those of `giraffe.pictures.read_file`.
        """
        if self.straightened or path.suffix.lower() == ".pdf":
            return read_file(path)
        return [read_image(path, *self._size)]

    def probabilities(
        self,
        images: Sequence,
        findings: Sequence[Finding | None] | None = None,
        calibrated: bool = True,
        traces: Sequence[PictureSignals] | None = None,
    ) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        images : sequence of PIL images or uint8 arrays of shape (height, width, 3)
            Of any size.
        findings : sequence of Finding or None, optional
            What `find` says of them; found here by default. Where there is no chart, the whole
            picture is read.
        calibrated : bool
            Whether the model's calibration is applied.
        traces : sequence of PictureSignals, optional
            What a digitizer read of them, where it did so already.

        Returns
        -------
        ndarray of float32, shape (images, 11)
        """
        raw, honest = self.answers(images, findings, traces)
        return honest if calibrated else raw

    def answers(
        self,
        images: Sequence,
        findings: Sequence[Finding | None] | None = None,
        traces: Sequence[PictureSignals] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """What `probabilities` gives, uncalibrated and calibrated."""
        findings = self.find(images) if findings is None else findings
        found = [
            self._probabilities(images[k : k + self.batch], findings[k : k + self.batch])
            for k in range(0, len(images), self.batch)
        ]
        raw = np.concatenate(found)
        honest = calibrate(raw, self.description["calibration"])
        if self._part is not None:
            signals = self._signals(images, findings, traces)
            seconds = np.isfinite(signals).sum(axis=2) / FS
            read = (seconds >= 1).sum(axis=1) >= LEAST_LEADS
            raw[read] = self._with_signals(raw[read], signals[read], self._part.share)
            honest[read] = calibrate(raw[read], self._part.calibration)
            # What pictures alone say passes the thresholds of both where it passed its own.
            own = logit(np.array(self.description["thresholds"]))
            said = logit(np.clip(honest[~read], EDGE, 1 - EDGE))
            honest[~read] = expit(said + logit(self.thresholds) - own)
        return raw.astype(np.float32), honest.astype(np.float32)

    def _signals(self, images, findings, traces) -> np.ndarray:
        """What is read of the traces of pictures, shape (images, 12, 1000), NaN elsewhere."""
        assert self.digitizer is not None
        signals = np.full((len(images), len(LEADS), NUM_SAMPLES), np.nan, np.float32)
        for k, (image, finding) in enumerate(zip(images, findings, strict=True)):
            if finding is None or finding.chart is None:
                continue
            seen = self.digitizer.read(_pixels(image), finding=finding) if not traces else traces[k]
            if seen.digitized is not None:
                leads = seen.digitized.leads
                rows = np.stack([seen.digitized.lead(lead) for lead in leads])
                signals[k] = as_signal(Waveform(rows, seen.digitized.fs, leads))
        return signals

    def _with_signals(self, probabilities, signals, share: float) -> np.ndarray:
        """The mean of the log-odds of pictures and of the signals in them."""
        if not len(probabilities):
            return probabilities
        seen = logit(np.clip(probabilities.astype(float), EDGE, 1 - EDGE))
        return expit((1 - share) * seen + share * logits(self._readers, signals))

    @torch.inference_mode()
    def _probabilities(self, images: Sequence, findings: Sequence[Finding | None]) -> np.ndarray:
        """Of one batch, before calibration."""
        pixels = []
        for image, finding in zip(images, findings, strict=True):
            picture = _pixels(image)
            if self.straightened:
                chart = finding.chart if finding is not None else None
                corners = None if chart is None else chart.corners
                pixels.append(lay_flat(picture, corners, *self._size))
            else:
                pixels.append(resize(picture, *self._size))
        total, count = torch.zeros(()), 0
        for margin in range(self.description["recipe"].views):
            seen = pixels if margin == 0 else [self._cropped(page, margin) for page in pixels]
            batch = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2).to(self.device)
            for network in self.networks:
                with autocast(self.device, self.precision):
                    outputs = network(batch)
                total = total + network.head(outputs)
                count += 1
        return (total / count).float().cpu().numpy()

    def _cropped(self, page: np.ndarray, step: int) -> np.ndarray:
        """A page without its outermost pixels, for another view of it."""
        y, x = (round(VIEW_MARGIN * step * side) for side in self._size)
        return resize(page[y : self.height - y, x : self.width - x], *self._size)

    @property
    def frame(self) -> tuple[int | None, int]:
        """Height and width in px at which pictures are printed; see `print_in_memory`.

        Traces are read from pictures as large as a scanner's.
        """
        if self._part is not None:
            return SCANNED
        return frame_size(*self._size, self.straightened)

    @property
    def _size(self) -> tuple[int, int]:
        return self.height, self.width

    def labels(self, probabilities) -> list[list[str]]:
        """Class names for probabilities of shape (records, 11)."""
        chosen = decide(probabilities, self.thresholds, self.description["recipe"].labels)
        return [[name for name, yes in zip(CLASSES, row, strict=True) if yes] for row in chosen]

    def record_probabilities(self, path: str | Path) -> np.ndarray:
        """Mean probability over the readable images of a record.

        Parameters
        ----------
        path : path
            Record without extension.

        Returns
        -------
        ndarray of float32, shape (11,)

        Raises
        ------
        RecordError, ImageError
            If there is no readable image.
        """
        record = open_record(path)
        files = record.images()
        if not files:
            named = ", ".join(record.header.image_files) or "none"
            raise RecordError(f"{path}: no image file (the header names {named})")
        if not self.description["recipe"].all_images:
            files = files[:1]
        found, problems = [], []
        for file in files:
            try:
                found.append(self.probabilities(self.read(file)))
            except ImageError as error:
                problems.append(str(error))
        if not found:
            raise ImageError("; ".join(problems))
        for problem in problems:
            log.warning("%s; the record's other images are used.", problem)
        return np.concatenate(found).mean(axis=0)

    def classify_record(self, path: str | Path) -> list[str] | None:
        """Labels of a record, or None, with a warning, if it has no readable image."""
        try:
            return self.labels(self.record_probabilities(path)[None])[0]
        except (RecordError, ImageError) as error:
            log.warning("%s; no labels for this record.", error)
            return None
