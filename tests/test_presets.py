"""Kinds of printouts: options have their effect, positions are right, one seed decides all."""

import dataclasses
import json
import shutil

import cv2
import numpy as np
import pytest
import wfdb
from test_printout import HEADER, _pixels, few, waveform  # noqa: F401  (few is a fixture)

from giraffe.__main__ import main
from giraffe.ecg.filters import centred
from giraffe.ecg.records import LEADS, Waveform
from giraffe.printout import printing
from giraffe.printout.kit import D1, D2, D3, KitOptions, image_config, kit_image
from giraffe.printout.layout import CABRERA_3X4, STANDARD_6X2, STANDARD_12X1, Format, arrange
from giraffe.printout.presets import (
    CONDITIONS,
    PRESETS,
    SCENES,
    draw_scene,
    print_in_memory,
    scene_image,
)
from giraffe.printout.render import Colours, draw, ink_coverage


def small(**changes):
    return KitOptions(resolution=60, **changes)


def image(options, seed=1, record=None):
    return kit_image(record or waveform(), HEADER, options, np.random.default_rng(seed))


CHANGES = [
    {"pad_inches": 1}, {"print_header": True}, {"num_columns": 2}, {"full_mode": "None"},
    {"full_mode": "V1"}, {"random_resolution": True}, {"calibration_pulse": 0.0},
    {"random_grid_present": 0.0}, {"random_print_header": 1.0}, {"random_bw": 1.0},
    {"random_grid_color": True}, {"standard_grid_color": 3}, {"remove_lead_names": True},
    {"add_qr_code": True}, {"hw_text": True}, {"wrinkles": True}, {"augment": True},
]  # fmt: skip
CHANGES_OF = [
    ({"hw_text": True}, {"num_words": 1}), ({"hw_text": True}, {"x_offset": 90}),
    ({"hw_text": True}, {"y_offset": 90}), ({"wrinkles": True}, {"crease_angle": 0}),
    ({"wrinkles": True}, {"num_creases_vertically": 1}),
    ({"wrinkles": True}, {"num_creases_horizontally": 1}), ({"augment": True}, {"rotate": 20}),
    ({"augment": True}, {"noise": 1}), ({"augment": True}, {"crop": 0.2}),
    ({"augment": True}, {"temperature": 2500}),
    ({"pad_inches": 3}, {"random_padding": True}),
]  # fmt: skip


@pytest.mark.parametrize("base, change", [({}, c) for c in CHANGES] + CHANGES_OF)
def test_every_option_has_an_effect(base, change):
    pairs = [
        (image(small(**base), seed).pixels, image(small(**base, **change), seed).pixels)
        for seed in range(4)
    ]
    assert any(a.shape != b.shape or not np.array_equal(a, b) for a, b in pairs)


def test_sizes_padding_and_resolution_are_as_asked():
    assert image(small()).pixels.shape == (510, 660, 3)
    padded = image(small(pad_inches=1))
    assert padded.pixels.shape == (630, 780, 3)
    assert (padded.pixels[:60] == 255).all() and (padded.pixels[:, -60:] == 255).all()
    sizes = {image(small(random_resolution=True), seed).dpi for seed in range(30)}
    assert min(sizes) >= 50 and max(sizes) <= 60 and len(sizes) > 3


def test_the_papers_sets_are_its_table_1():
    assert KitOptions(print_header=True) == D1
    assert (D2.pad_inches, D2.random_padding, D2.random_bw, D2.rotate) == (1, True, 0.4, 25)
    assert (D3.pad_inches, D3.random_padding, D3.random_bw, D3.rotate) == (0, False, 0.1, 7)
    for preset in (D2, D3):
        assert preset.print_header and preset.random_resolution and preset.fully_random
        assert (preset.calibration_pulse, preset.random_grid_present) == (0.8, 0.95)


def test_black_and_white_is_grey_and_full_randomness_tosses_coins():
    grey = image(small(random_bw=1.0)).pixels
    assert np.ptp(grey, axis=2).max() == 0
    applied = [image(small(fully_random=True), seed).facts for seed in range(24)]
    for name in ("handwriting", "wrinkles", "augment"):
        assert 4 <= sum(facts[name] for facts in applied) <= 20


def _inked_share(picture, config, reach=1):
    """Share of the positions in a JSON within `reach` px of which there is dark ink."""
    dark = picture.max(axis=2) < 150
    near = cv2.dilate(dark.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    hits = []
    for lead in config["leads"]:
        for y, x in lead["plotted_pixels"]:
            row, column = round(y), round(x)
            if 2 <= row < near.shape[0] - 2 and 2 <= column < near.shape[1] - 2:
                hits.append(near[row, column])
    return np.mean(hits), len(hits)


@pytest.mark.parametrize("seed", range(4))
def test_positions_in_the_json_follow_every_geometric_step(seed):
    options = KitOptions(
        resolution=150, random_resolution=True, pad_inches=1, random_padding=True,
        random_grid_present=0.0, augment=True, rotate=20, noise=1, crop=0.05,
        lead_bbox=True, lead_name_bbox=True, store_config=2,
    )  # fmt: skip
    record = waveform(seed)
    made = kit_image(record, HEADER, options, np.random.default_rng(seed))
    config = image_config(made, record, options)
    # Without a grid, dark is ink: white balance leaves the brightest channel of paper white.
    share, number = _inked_share(made.pixels, config)
    assert number > 10000 and share > 0.98
    assert config["applied"]["rotate"] is not None
    shifted = [[[y + 4, x] for y, x in lead["plotted_pixels"]] for lead in config["leads"]]
    for lead, pixels in zip(config["leads"], shifted, strict=True):
        lead["plotted_pixels"] = pixels
    assert _inked_share(made.pixels, config)[0] < 0.6  # the check can fail


@pytest.mark.parametrize("name", ["phone-clean", "color-scan-clean", "screenshot"])
def test_positions_follow_the_camera_too(name):
    record = waveform(1)
    made = scene_image(record, HEADER, name, np.random.default_rng(5), 200)
    config = image_config(made, record, KitOptions(store_config=1))
    grey = made.pixels.mean(axis=2)
    local = cv2.blur(grey, (61, 61))
    made.pixels[:] = np.where(grey < local - 12, 0, 255)[:, :, None]
    share, number = _inked_share(made.pixels, config, reach=2)
    assert number > 10000 and share > 0.95


def test_the_whole_page_is_in_the_frame_of_every_condition():
    record = waveform()
    for name in CONDITIONS:
        for seed in range(15):
            scene = draw_scene(record, HEADER, CONDITIONS[name], np.random.default_rng(seed))
            page = scene.page
            u = np.linspace(0, 1, 21)
            edges = np.r_[
                np.c_[u, 0 * u], np.c_[u, 0 * u + 1], np.c_[0 * u, u], np.c_[0 * u + 1, u]
            ] * [page.width, page.height]
            inside = scene.placement.to_frame(edges)
            # Where no margin is asked for, the page may touch the frame's edge.
            assert inside.min() > -0.01 and inside.max() < 1.01, (name, seed)


def test_the_map_of_the_camera_is_the_inverse_of_the_positions():
    record = waveform()
    scene = draw_scene(record, HEADER, SCENES["phone-clean"], np.random.default_rng(3))
    points = np.random.default_rng(0).uniform([0, 0], [270, 200], (50, 2))
    frame = scene.placement.to_frame(points)
    back = np.stack(scene.placement.to_page(frame[:, 0], frame[:, 1]), axis=1)
    np.testing.assert_allclose(back, points, atol=1e-6)
    maps = scene.placement.maps(600, 800, 1000, 1300)
    for row, column in ((3, 5), (300, 411), (590, 790)):
        x, y = scene.placement.to_page((column + 0.5) / 800, (row + 0.5) / 600)
        assert maps[0][row, column] == pytest.approx(x * 1300 / scene.page.width - 0.5, abs=0.3)
        assert maps[1][row, column] == pytest.approx(y * 1000 / scene.page.height - 0.5, abs=0.3)


def test_black_and_white_scans_are_grey_and_colour_ones_are_not():
    record = waveform()
    for name in CONDITIONS:
        picture = print_in_memory(record, HEADER, name, np.random.default_rng(1), 128, 256)[0]
        assert (np.ptp(picture.astype(int), axis=2).mean() < 1) == name.startswith("bw"), name


@pytest.mark.parametrize("name", PRESETS)
def test_memory_and_file_show_the_network_alike(name):
    means, tops = [], []
    for seed in range(3):
        record = waveform(seed)
        direct = print_in_memory(record, HEADER, name, np.random.default_rng(seed), 512, 1024)[0]
        rng = np.random.default_rng(seed)
        if name in SCENES:
            file = scene_image(record, HEADER, name, rng, 200).pixels
        else:
            file = kit_image(record, HEADER, {"D1": D1, "D2": D2, "D3": D3}[name], rng).pixels
        method = cv2.INTER_AREA if file.shape[0] > 512 else cv2.INTER_LINEAR
        through = cv2.resize(file, (1024, 512), interpolation=method)
        difference = np.abs(direct.astype(int) - through)
        means.append(difference.mean())
        tops.append(np.percentile(difference, 99))
    # Moving a grid of 1 mm at 2.4 px/mm loses some of it: captured pages differ a little more.
    bounds = (5, 40) if name in SCENES else (3, 25)
    assert np.mean(means) <= bounds[0] and np.mean(tops) <= bounds[1], (means, tops)


@pytest.mark.parametrize("preset", ["D2", "D3", "giraffe", "phone-deteriorated"])
def test_random_presets_depend_on_seed_and_record_alone(few, tmp_path, preset):  # noqa: F811
    def run(out, *more):
        args = ["print", "-i", str(few), "-o", str(tmp_path / out), "--preset", preset]
        assert main([*args, "-r", "60", "-se", "7", *more]) == 0
        return _pixels(tmp_path / out)

    one, two = run("one"), run("two", "--jobs", "2")
    assert one == two
    (few / "sim0005_000000.hea").unlink()
    subset = run("subset")
    assert subset.items() <= one.items() and len(subset) == 2
    assert main(["print", "-i", str(few), "-o", str(tmp_path / "x"), "--preset", preset,
                 "-r", "60", "-se", "8"]) == 0  # fmt: skip
    assert not set(_pixels(tmp_path / "x").values()) & set(one.values())


def test_a_drawn_seed_is_logged_and_makes_the_same_images_again(few, tmp_path, caplog):  # noqa: F811
    caplog.set_level("INFO")
    base = ["print", "-i", str(few), "--preset", "D3", "-r", "60"]
    main([*base, "-o", str(tmp_path / "a"), "-se", "-1"])
    seed = caplog.text.split("Seed ")[1].split()[0]
    main([*base, "-o", str(tmp_path / "b"), "-se", seed])
    assert _pixels(tmp_path / "a") == _pixels(tmp_path / "b")


@pytest.mark.parametrize(("preset", "drawn"), [("D1", 0), ("D2", 0), ("D3", 0), ("giraffe", 1)])
def test_the_papers_presets_have_the_papers_seed_and_others_draw_one(preset, drawn, caplog):
    seeds = []
    caplog.set_level("INFO")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(printing, "print_folder", lambda *args: (seeds.append(args[2].seed), {}))
        for more in ([], [], ["-se", "7"]):
            main(["print", "-i", "in", "-o", "out", "--preset", preset, *more])
    assert seeds[2] == 7
    assert (seeds[0] != seeds[1]) == drawn and (seeds[:2] == [42, 42]) != drawn
    assert caplog.text.count("was drawn") == 2 * drawn


def with_offset(mv):
    """A record whose V2 stands off its baseline."""
    record = waveform()
    signal = record.signal.copy()
    signal[record.leads.index("V2")] += mv
    return dataclasses.replace(record, signal=signal)


@pytest.mark.parametrize("mv", [5.0, -8.0])
@pytest.mark.parametrize("seed", range(6))
def test_the_world_prints_a_lead_that_is_far_off_its_baseline_on_its_row(mv, seed):
    rng = np.random.default_rng(seed)
    scene = draw_scene(with_offset(mv), HEADER, SCENES["giraffe"], rng)
    printed = scene.waveform.signal[scene.waveform.leads.index("V2")]
    assert abs(np.median(printed)) < 1


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_conditions_print_a_record_as_it_is(name):
    record = with_offset(5.0)
    rng = np.random.default_rng(1)
    assert draw_scene(record, HEADER, SCENES[name], rng).waveform is record


def test_leads_near_their_baselines_stay_as_they_are_and_missing_samples_missing():
    signal = waveform().signal.astype(np.float32)
    signal[1, 100:900], signal[2] = np.nan, np.nan
    np.testing.assert_array_equal(centred(signal), signal)
    signal[1] += np.float32(3)
    found = centred(signal)
    assert abs(np.nanmedian(found[1])) < 0.01 and np.isnan(found[1, 100:900]).all()
    assert found.dtype == signal.dtype


def test_a_preset_of_captures_refuses_the_generators_options(few, tmp_path, capsys):  # noqa: F811
    code = main(["print", "-i", str(few), "-o", str(tmp_path / "x"), "--preset", "giraffe",
                 "--wrinkles", "-r", "60"])  # fmt: skip
    assert code == 1 and "does not take --wrinkles" in capsys.readouterr().err


def test_the_json_stands_beside_the_image(few, tmp_path):  # noqa: F811
    main(["print", "-i", str(few), "-o", str(tmp_path / "x"), "-r", "60", "--store_config", "2",
          "--lead_bbox", "--lead_name_bbox"])  # fmt: skip
    config = json.loads((tmp_path / "x" / "sim0005_000000-0.json").read_text())
    assert (config["width"], config["height"], config["resolution"]) == (660, 510, 60)
    assert config["x_grid_major"] == pytest.approx(60 / 25.4 * 5, rel=1e-3)
    lead = next(e for e in config["leads"] if e["lead_name"] == "V1")
    assert (lead["start_sample"], lead["end_sample"]) == (2500, 3750)
    assert len(lead["plotted_pixels"]) == 1250
    assert len(lead["lead_bounding_box"]) == len(lead["text_bounding_box"]) == 4
    assert config["applied"]["grid"] is True


def test_masked_samples_are_nan_and_never_in_place(few, tmp_path, capsys):  # noqa: F811
    args = ["print", "-i", str(few), "-r", "50", "--mask_unplotted_samples", "-o"]
    assert main([*args, str(few)]) == 1
    assert "destroy the waveforms" in capsys.readouterr().err
    assert main([*args, str(tmp_path / "x")]) == 0
    masked = wfdb.rdsamp(str(tmp_path / "x" / "sim0005_000000"))[0]
    full = wfdb.rdsamp(str(few / "sim0005_000000"))[0]
    assert np.isfinite(masked[:1250, 0]).all() and np.isnan(masked[1250:, 0]).all()
    np.testing.assert_allclose(masked[:, 1], full[:, 1], atol=6e-4)  # the rhythm strip's lead
    header = (tmp_path / "x" / "sim0005_000000.hea").read_text()
    assert "# Labels: " in header and "# Image: sim0005_000000-0.png" in header


def _write_record(folder, name, seconds, unit="mV", value=100, leads=("I", "II")):
    samples = np.full((int(seconds * 100), len(leads)), value, "<i2")
    (folder / f"{name}.dat").write_bytes(samples.tobytes())
    lines = [f"{name} {len(leads)} 100 {len(samples)}"]
    lines += [f"{name}.dat 16 1000.0(0)/{unit} 16 0 0 0 0 {lead}" for lead in leads]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")


def test_long_records_have_several_pages_and_unprintable_ones_are_named(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    _write_record(folder, "long", 25)
    _write_record(folder, "short", 4)
    _write_record(folder, "pressure", 10, unit="mmHg")
    _write_record(folder, "nothing", 10, value=-32768)
    _write_record(folder, "foreign", 10, leads=("EEG1", "EEG2"))
    assert main(["print", "-i", str(folder), "-o", str(tmp_path / "out"), "-r", "50"]) == 0
    names = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert names == {"long-0.png", "long-1.png", "short-0.png"}
    said = capsys.readouterr()
    assert "2 records printed" in said.out
    for name in ("pressure", "nothing", "foreign"):
        assert f"({name})" in said.err
    header = (tmp_path / "out" / "long.hea").read_text()
    assert header.endswith("# Image: long-0.png, long-1.png\n")
    main(["print", "-i", str(folder), "-o", str(tmp_path / "one"), "-r", "50",
          "--max_num_images", "1"])  # fmt: skip
    assert not (tmp_path / "one" / "long-1.png").exists()


def test_layouts_place_leads_where_readers_expect_them():
    def first(fmt):
        return {strip.label: strip for strip in arrange(fmt, LEADS, 10.0).strips}

    assert len(first(Format(STANDARD_6X2, ()))) == 12
    assert first(Format(STANDARD_6X2, ()))["V1"].start == 5.0
    assert first(Format(STANDARD_12X1, ()))["V6"].stop == 10.0
    fast = first(Format(speed=50.0, rhythm=()))
    assert fast["aVR"].start == 1.25 and fast["V6"].stop == 5.0
    cabrera = first(Format(CABRERA_3X4, ()))
    assert cabrera["-aVR"].sign == -1 and cabrera["-aVR"].lead == "aVR"


def test_gain_and_speed_change_the_trace_as_they_say():
    signal = np.zeros((12, 5000), np.float32)
    signal[:, 100:150] = 1.0
    record = Waveform(signal, 500.0, LEADS)

    def size(fmt):
        page = arrange(dataclasses.replace(fmt, pulse=False, lead_names=False), LEADS, 10.0)
        page = dataclasses.replace(page, strips=page.strips[:1], bars=(), texts=())
        rows, columns = np.nonzero(ink_coverage(page, record, 1700, 2200)[0] > 0.5)
        top = columns[rows == rows.min()]
        return np.array([np.ptp(rows), np.ptp(top)]) / 200 * 25.4

    assert size(Format())[0] == pytest.approx(10.2, abs=0.3)
    assert size(Format(gain=20.0))[0] == pytest.approx(20.2, abs=0.3)
    assert size(Format())[1] == pytest.approx(2.5, abs=0.3)
    assert size(Format(speed=50.0))[1] == pytest.approx(5.0, abs=0.3)


def test_a_page_of_every_format_can_be_drawn_on_both_papers():
    for preset in CONDITIONS.values():
        for fmt, _ in preset.ink.formats:
            for paper in ("letter", "a4"):
                page = arrange(dataclasses.replace(fmt, paper=paper), LEADS, 10.0)
                picture = draw(page, waveform(), Colours(), 150, 200)
                assert picture.min() < 200
                baselines = {strip.baseline for strip in page.strips}
                assert all(0 < y < page.height for y in baselines)


def test_a_dask_cluster_prints_the_same_images(few, tmp_path):  # noqa: F811
    distributed = pytest.importorskip("dask.distributed")
    import joblib

    from giraffe.printout.printing import PrintJob, print_folder

    job = PrintJob(options=dataclasses.replace(D3, resolution=60), seed=3)
    print_folder(few, tmp_path / "here", job, verbose=False)
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        joblib.parallel_backend("dask"),
    ):
        print_folder(few, tmp_path / "there", job, jobs=-1, verbose=False)
    assert _pixels(tmp_path / "here") == _pixels(tmp_path / "there")
    shutil.rmtree(tmp_path / "there")
