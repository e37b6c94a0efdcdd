"""Views of printed pages, with what the reader's networks should see in them."""

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from giraffe.chart.evidence import COARSE, FINE, KINDS, STEP
from giraffe.chart.geometry import WHOLE, apart, between, sides_in_px, straighten, transform
from giraffe.chart.letters import SIDE, WIDTH
from giraffe.chart.pages import Printed
from giraffe.chart.reader import NEAR_SIZE, ROOM, working_size
from giraffe.chart.truth import coarse_truth, fine_truth, letters_truth
from giraffe.printout.placement import Placement
from giraffe.randomness import random_stream

BATCH = 12
TURN, ZOOM, SLANT = 2.5, (0.94, 1.04), 0.012  # degrees; factor; shares of the frame
TURNS = (0, 90, 180, 270)
WHOLE_TURNED = (0.5, 0.15, 0.2, 0.15)  # shares of the first looks by `TURNS`
SIDEWAYS = 0.05  # share of the second looks
WRONG = (0.002, 0.04)  # shares of the chart's sides by which a first look may be off
LIGHT_EVERY = 0.7  # share of the views whose colours and sharpness are changed
PARTS, PARTS_PAGES = 5, 8  # of a page, and pages at a time
LETTERS_SIZE = (192, 256)  # px of the parts in which letters are learned
MARKED = 0.85  # share of the parts around a name or a pulse
LETTERS_WRONG = 0.006  # shares of the sides by which the chart may be laid flat wrongly


def whole_view(picture: Printed, pixels, size, turn: int, rng):
    """The picture as the first look sees it, turned and held a little otherwise.

    Returns
    -------
    view : ndarray of uint8, shape (*size, 3)
    placement : Placement or None
        Where the page lies in the view.
    kind : str
    """
    angle, zoom = np.deg2rad(rng.normal(0, TURN)), rng.uniform(*ZOOM)
    height, width = pixels.shape[:2]
    frame = (WHOLE - 0.5) * (width, height)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    window = (frame @ rotation / zoom) / (width, height) + 0.5
    window += rng.normal(0, SLANT, (4, 2)) * rng.integers(2)
    # A picture that must be turned clockwise by 90 degrees has its lower left corner first.
    window = np.roll(window, turn // 90, axis=0)
    kind = _kind(picture, turn)
    there = picture.placement
    placement = None if there is None else there.seen_through(window)
    return straighten(pixels, window, *size), placement, kind


def _kind(picture: Printed, turn: int) -> str:
    if picture.placement is None:
        return picture.kind
    return "sideways" if turn in (90, 270) else "level"


def near_view(picture: Printed, pixels, rng):
    """What the second look sees of a chart that the first found more or less exactly."""
    kind, placement = _kind(picture, 0), picture.placement
    if placement is None:
        share = rng.uniform(0.3, 1.0, 2)
        corner = rng.uniform(0, 1 - share)
        window = corner + WHOLE * share
        return straighten(pixels, window, *NEAR_SIZE), None, kind
    window = _loose_window(placement, rng)
    if rng.random() < SIDEWAYS:
        turn = int(rng.choice((90, 270)))
        window, kind = np.roll(window, turn // 90, axis=0), _kind(picture, turn)
    return straighten(pixels, window, *NEAR_SIZE), placement.seen_through(window), kind


def _loose_window(placement: Placement, rng) -> np.ndarray:
    """Corners of a window around a chart that was found more or less exactly."""
    wrong = rng.uniform(*WRONG)
    loose = WHOLE + rng.normal(0, wrong, (4, 2)) + rng.normal(0, wrong, 2)
    return transform(between(WHOLE, placement.chart_corners()), apart(loose, ROOM))


def relit(view: np.ndarray, rng) -> np.ndarray:
    """The view in other colours, sharpness and noise."""
    if rng.random() > LIGHT_EVERY:
        return view
    table = np.arange(256) / 255
    gains, gamma = rng.uniform(0.75, 1.15, 3), rng.uniform(0.6, 1.6)
    offset = rng.uniform(-0.08, 0.08)
    channels = table[:, None] ** gamma * gains + offset
    if rng.random() < 0.04:
        channels = 1 - channels
    view = cv2.LUT(view, np.clip(np.rint(255 * channels), 0, 255).astype(np.uint8)[None])
    if rng.random() < 0.3:
        view = view[:, :, rng.permutation(3)]
    if rng.random() < 0.2:
        view = cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.25:
        view = cv2.GaussianBlur(view, (0, 0), rng.uniform(0.3, 1.1))
    if rng.random() < 0.3:
        grain = np.zeros(view.shape, np.int16)
        # In red alone, as the shipped weights have learnt it.
        cv2.randn(grain, np.zeros(3), np.array([rng.uniform(2, 14), 0, 0]))
        view = cv2.add(view, grain, dtype=cv2.CV_8U)
    return np.ascontiguousarray(view)


class Views(Dataset):
    """Views of pictures; a key is (picture, epoch, size of the first look, turn)."""

    def __init__(self, pictures: list[Printed], seed: int):
        self.pictures, self.seed = pictures, seed

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, key):
        index, epoch, size, turn = key
        rng = random_stream(self.seed, "view", index, epoch)
        cv2.setRNGSeed(int(rng.integers(2**31)))
        picture = self.pictures[index]
        pixels = np.ascontiguousarray(picture.pixels(reduced=True))
        view, placement, kind = whole_view(picture, pixels, size, turn, rng)
        whole = self._item(view, placement, kind, rng, turn == 180)
        view, placement, kind = near_view(picture, pixels, rng)
        return whole, self._item(view, placement, kind, rng)

    def _item(self, view, placement, kind, rng, upside_down: bool = False):
        height, width = view.shape[:2]
        coarse = np.zeros((4, height // COARSE, width // COARSE), np.float32)
        fine = np.zeros((len(FINE), height // STEP, width // STEP), np.float32)
        # A chart that lies on its side is to show no evidence: nothing is fitted to it then.
        if kind == "level":
            coarse = coarse_truth(placement, height, width)
            fine = fine_truth(placement, height, width)
        if kind == "level" and upside_down:
            # The view's own directions count, so ends are beginnings and below is above.
            coarse[:2] = 1 - coarse[:2]
            fine = fine[[0, 2, 1, 3]]
        fast = float(placement.page.speed > 25) if kind == "level" else np.nan
        image = torch.from_numpy(relit(view, rng)).permute(2, 0, 1)
        coarse, fine = torch.from_numpy(coarse), torch.from_numpy(fine)
        return image, coarse, fine, KINDS.index(kind), fast


def epoch_keys(pictures: list[Printed], epoch: int, seed: int) -> list[list[tuple]]:
    """Batches of keys: pictures of one working size together."""
    rng = random_stream(seed, "order", epoch)
    groups: dict[tuple, list] = {}
    for index in rng.permutation(len(pictures)):
        turn = int(rng.choice(TURNS, p=WHOLE_TURNED))
        aspect = pictures[index].aspect * rng.uniform(0.85, 1.18)
        size = working_size(1 / aspect if turn in (90, 270) else aspect)
        groups.setdefault(size, []).append((int(index), epoch, size, turn))
    batches = []
    for keys in groups.values():
        batches += [keys[k : k + BATCH] for k in range(0, len(keys) - BATCH // 2, BATCH)]
    # Of very few pictures no size has half a batch.
    batches = batches or list(groups.values())
    return [batches[k] for k in rng.permutation(len(batches))]


def collate(items):
    """Batches of the first and of the second look."""
    return [
        [torch.stack(part) if torch.is_tensor(part[0]) else torch.tensor(part) for part in
         zip(*(item[look] for item in items), strict=True)]
        for look in (0, 1)
    ]  # fmt: skip


def letters_view(picture: Printed, pixels, rng):
    """A part of a chart laid flat as the letters' network sees it, and the page's place in it.

    Its middle is mostly near a lead's name or a pulse.
    """
    placement = picture.placement
    if placement is None:
        raise ValueError("a picture without a chart has no letters to learn from")
    page = placement.page
    truth = placement.chart_corners()
    sides = sides_in_px(truth, pixels.shape)
    loose = WHOLE + rng.normal(0, LETTERS_WRONG, (4, 2))
    window = transform(between(WHOLE, truth), apart(loose, SIDE))
    height = np.clip(WIDTH * sides[1] / sides[0], 160, 1280)
    part = np.array([LETTERS_SIZE[1] / WIDTH, min(LETTERS_SIZE[0] / height, 1.0)])
    middle = rng.uniform(0, 1, 2)
    marks = [(text.x, text.y) for text in page.texts if text.kind == "lead"]
    marks += [(pulse.x, pulse.baseline - pulse.height) for pulse in page.pulses]
    if marks and rng.random() < MARKED:
        mark = placement.to_frame([marks[rng.integers(len(marks))]])
        middle = transform(between(window, WHOLE), mark)[0]
        middle = middle + rng.uniform(-0.4, 0.4, 2) * part
    corner = np.clip(middle - part / 2, -0.02, 1.02 - part)
    cut = transform(between(WHOLE, window), corner + WHOLE * part)
    return straighten(pixels, cut, *LETTERS_SIZE), placement.seen_through(cut)


class LettersViews(Dataset):
    """Parts of charts laid flat; a key is (picture, epoch)."""

    def __init__(self, pictures: list[Printed], seed: int):
        self.pictures, self.seed = pictures, seed

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, key):
        index, epoch = key
        rng = random_stream(self.seed, "letters", index, epoch)
        cv2.setRNGSeed(int(rng.integers(2**31)))
        picture = self.pictures[index]
        pixels = np.ascontiguousarray(picture.pixels(reduced=False))
        found = []
        for _ in range(PARTS):
            view, placement = letters_view(picture, pixels, rng)
            names, pulses = letters_truth(placement, *LETTERS_SIZE)
            image = torch.from_numpy(relit(view, rng)).permute(2, 0, 1)
            found.append((image, torch.from_numpy(names), torch.from_numpy(pulses)))
        return found


def collate_letters(items):
    """A batch of parts: images, names, pulses."""
    parts = [part for item in items for part in item]
    return [torch.stack(column) for column in zip(*parts, strict=True)]


def chart_keys(pictures: list[Printed], epoch: int, seed: int) -> list[list[tuple]]:
    """Batches of keys of the pictures that have a chart, a few views of each."""
    known = [index for index, picture in enumerate(pictures) if picture.placement is not None]
    order = random_stream(seed, "chart order", epoch).permutation(known)
    keys = [(int(index), epoch) for index in order]
    size = min(PARTS_PAGES, max(len(keys), 1))
    return [keys[k : k + size] for k in range(0, len(keys) - size + 1, size)]
