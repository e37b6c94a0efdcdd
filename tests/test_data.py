"""The feed: images are decoded once, or printed anew, and every batch holds what it should."""

import os
import shutil
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from giraffe.chart.chart import Chart
from giraffe.chart.geometry import apart
from giraffe.chart.lighting import MARGIN, cut_out, even_light
from giraffe.chart.reader import Finding
from giraffe.ecg.records import scan
from giraffe.learning import cache as cache_module
from giraffe.learning import data
from giraffe.learning.cache import ImageCache
from giraffe.learning.data import PrintoutDataset, Source, load
from giraffe.learning.feed import EpochBatches, make_loader
from giraffe.pictures import read_picture


@pytest.fixture
def folder(records_folder, tmp_path):
    """Four records of our own to change."""
    target = tmp_path / "data"
    target.mkdir()
    for header in sorted(records_folder.glob("*.hea"))[:4]:
        for path in records_folder.glob(f"{header.stem}*"):
            shutil.copy(path, target)
    return target


def test_an_image_is_decoded_once(folder, tmp_path, monkeypatch):
    source = Source(96, 192, cache=ImageCache(tmp_path / "cache", reserve=0))
    record = scan(folder)[0][0]
    first = load(record, source, 1)[0]
    monkeypatch.setattr(data, "read_image", None)  # not called again
    assert np.array_equal(load(record, source, 2)[0], first)
    assert np.array_equal(load(record, Source(96, 192, cache=source.cache), None)[0], first)


def test_a_changed_image_is_decoded_again(folder, tmp_path):
    source = Source(96, 192, cache=ImageCache(tmp_path / "cache", reserve=0))
    first, second = scan(folder)[0][:2]
    before = load(first, source, 1)[0]
    other = second.images()[0]
    shutil.copy(other, first.images()[0])
    os.utime(first.images()[0], (1, 1))
    after = load(first, source, 1)[0]
    assert not np.array_equal(before, after)
    assert np.array_equal(after, load(second, source, 1)[0])


def test_a_broken_cache_entry_and_another_size_are_not_taken(folder, tmp_path):
    source = Source(96, 192, cache=ImageCache(tmp_path / "cache", reserve=0))
    record = scan(folder)[0][0]
    first = load(record, source, 1)[0]
    for entry in (tmp_path / "cache").rglob("*.rgb"):
        entry.write_bytes(b"torn")
    assert np.array_equal(load(record, source, 1)[0], first)
    assert load(record, Source(48, 96, cache=source.cache), 1)[0].shape == (48, 96, 3)


def test_a_full_disk_or_a_folder_that_cannot_be_written_only_costs_time(folder, tmp_path, caplog):
    record = scan(folder)[0][0]
    plain = load(record, Source(96, 192), 1)[0]
    full = ImageCache(tmp_path / "cache", reserve=2**60)
    assert np.array_equal(load(record, Source(96, 192, cache=full), 1)[0], plain)
    assert not list((tmp_path / "cache").rglob("*.rgb")) and "takes no more" in caplog.text
    (tmp_path / "file").write_text("in the way")
    blocked = ImageCache(tmp_path / "file")
    assert np.array_equal(load(record, Source(96, 192, cache=blocked), 1)[0], plain)
    assert "No image cache" in caplog.text


def test_entries_that_nobody_made_for_a_month_are_removed(tmp_path, monkeypatch):
    kept = ImageCache(tmp_path / "cache", reserve=0)
    kept.put("aa1", np.zeros((2, 2, 3), np.uint8))
    kept.remove_stale()
    assert kept.get("aa1", 2, 2) is not None
    monkeypatch.setattr(cache_module, "STALE_SECONDS", -1)
    kept.remove_stale()
    assert kept.get("aa1", 2, 2) is None


def test_printed_images_are_new_in_every_epoch_and_fixed_for_validation(folder):
    record = scan(folder)[0][0]
    source = Source(96, 192, images="printed", preset="giraffe", seed=1)
    epochs = [load(record, source, epoch)[0] for epoch in (1, 2, 3)]
    assert not np.array_equal(epochs[0], epochs[1]) and not np.array_equal(epochs[1], epochs[2])
    assert np.array_equal(epochs[0], load(record, source, 1)[0])
    assert np.array_equal(load(record, source, None)[0], load(record, source, None)[0])


@pytest.mark.parametrize("epoch", [1, 2, None])  # None: validation, where the chart is found
def test_a_straightened_picture_is_filled_by_its_chart(folder, epoch):
    record = scan(folder)[0][0]
    source = Source(256, 512, images="printed", preset="giraffe", seed=4, straightened=True)
    pixels, placement = load(record, source, epoch)
    assert pixels.shape == (256, 512, 3)
    margin = MARGIN / (1 + 2 * MARGIN)
    expected = [(x, y) for y in (margin, 1 - margin) for x in (margin, 1 - margin)]
    assert np.abs(placement.chart_corners()[[0, 1, 3, 2]] - expected).max() < 0.1
    again = load(record, source, epoch)[0]
    assert np.array_equal(pixels, again)


CORNERS = np.array([[0.1, 0.2], [0.9, 0.25], [0.85, 0.9], [0.12, 0.8]])


@pytest.fixture
def reader(monkeypatch):
    """In place of the reader, finds the same chart in every picture; the pictures' shapes."""
    asked = []

    def find(pixels):
        asked.append(pixels.shape)
        return Finding(Chart(CORNERS, 0, 0.9, None), "chart", 0.9)

    monkeypatch.setattr(data, "find_chart", find)
    monkeypatch.setattr(data, "reader_version", lambda: "one")
    return asked


def test_a_file_s_chart_is_found_once_and_anew_by_another_reader(
    folder, tmp_path, reader, monkeypatch
):
    record = scan(folder)[0][0]
    cache = ImageCache(tmp_path / "cache", reserve=0)
    source = Source(96, 192, cache=cache, straightened=True)
    first, placement = load(record, source, 1)
    picture = read_picture(record.images()[0])
    assert reader == [picture.shape] and placement is None  # in its own proportions
    assert np.array_equal(first, even_light(cut_out(picture, CORNERS, 96, 192)))
    for epoch in (2, None):
        assert np.array_equal(load(record, source, epoch)[0], first)
    assert len(reader) == 1
    # The whole picture is another entry of the cache, and so is another size.
    whole = load(record, Source(96, 192, cache=cache), 1)[0]
    assert len(reader) == 1 and not np.array_equal(whole, first)
    load(record, Source(48, 96, cache=cache, straightened=True), 1)
    assert len(reader) == 2
    monkeypatch.setattr(data, "reader_version", lambda: "two")
    assert np.array_equal(load(record, source, 1)[0], first)
    assert len(reader) == 3
    load(record, source, 2)
    assert len(reader) == 3 and len(list((tmp_path / "cache").glob("??/*"))) == 4


def test_a_file_without_a_chart_is_seen_as_a_whole(folder, reader, monkeypatch):
    monkeypatch.setattr(data, "find_chart", lambda pixels: Finding(None, "none", 0.0))
    record = scan(folder)[0][0]
    seen = load(record, Source(96, 192, straightened=True), 1)[0]
    assert np.array_equal(
        seen, even_light(cut_out(read_picture(record.images()[0]), None, 96, 192))
    )


def test_training_sees_charts_where_they_lie_and_validation_where_they_are_found(folder, reader):
    record = scan(folder)[0][0]
    source = Source(96, 192, images="printed", preset="D1", seed=4, straightened=True)
    load(record, source, 1)
    assert not reader
    _, placement = load(record, source, None)
    assert len(reader) == 1 and max(reader[0]) == source.frame[1]
    printed = load(record, Source(*source.frame, images="printed", preset="D1", seed=4), None)[1]
    expected = printed.seen_through(apart(CORNERS, MARGIN)).chart_corners()
    assert np.allclose(placement.chart_corners(), expected, atol=1e-5)


def test_both_is_a_coin_per_record_and_epoch(folder):
    record = scan(folder)[0][0]
    file = load(record, Source(96, 192), 1)[0]
    source = Source(96, 192, images="both", preset="D1", seed=1)
    taken = [np.array_equal(load(record, source, epoch)[0], file) for epoch in range(1, 31)]
    assert 5 < sum(taken) < 25
    assert np.array_equal(load(record, source, None)[0], file)  # validation images are fixed


@given(
    size=st.integers(1, 60),
    batch=st.integers(1, 16),
    ranks=st.integers(1, 4),
    drop_last=st.booleans(),
    skip=st.integers(0, 3),
)
def test_the_processes_together_see_every_record_once(size, batch, ranks, drop_last, skip):
    shares = []
    for rank in range(ranks):
        own = EpochBatches(size, batch, 5, drop_last, rank, ranks)
        own.epoch, own.skip = 2, skip
        assert len(list(own)) == len(own)
        shares.append([[index for index, epoch in part if epoch == 2] for part in own])
    assert len({len(share) for share in shares}) == 1  # the same number of steps
    joined = [[*chain(*parts)] for parts in zip(*shares, strict=True)]
    alone = EpochBatches(size, batch, 5, drop_last)
    alone.epoch = 2
    whole = [[index for index, _ in part] for part in alone][skip:]
    assert [sorted(part) for part in joined] == [sorted(part) for part in whole]
    if skip == 0 and not drop_last:
        assert sorted(chain(*whole)) == list(range(size))


def test_a_worker_process_gives_the_same_batches(folder):
    records = scan(folder)[0]
    dataset = PrintoutDataset(records, Source(96, 192, images="printed", preset="D3"))
    inside, outside = (
        [b.images for b in make_loader(dataset, EpochBatches(4, 3, 1), workers)]
        for workers in (0, 1)
    )
    assert [len(images) for images in inside] == [3, 1]
    assert all((a == b).all() for a, b in zip(inside, outside, strict=True))
