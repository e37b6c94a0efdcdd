"""`report`: a page that stands alone, says what was measured, and escapes what it was given."""

import dataclasses
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from giraffe.__main__ import main
from giraffe.classes import CLASSES
from giraffe.ecg.records import scan
from giraffe.errors import ModelError, RecordError
from giraffe.judging.conditions import classify_printed, printed_records, scores
from giraffe.judging.metrics import auroc_per_class, f_per_class, macro
from giraffe.network.architectures import Network
from giraffe.network.calibration import calibration_error, log_loss
from giraffe.network.checkpoint import save_model
from giraffe.network.classifier import Classifier
from giraffe.reading.report import figures
from giraffe.reading.report.answers import read_records
from giraffe.reading.report.gather import Wanted, gather
from giraffe.reading.report.judging import (
    average_precision,
    class_scores,
    losses_of_truth,
    precision_recall,
    reliability,
    roc,
)
from giraffe.reading.report.markup import Html, element, html, number, table
from giraffe.reading.report.page import page
from giraffe.recipe import RECIPES

NAMES = 8  # of the 24 records, which are enough to be fast and to have every kind
ODD = "a&b <script>alert('x')</script>"
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """A page taken apart: elements that close properly, tables as text, addresses."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.words: list[str] = []
        self.caption = self.cell = None
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.rows: list[list[str]] = []
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th", "caption"):
            self.cell = ""

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()
        if tag in ("td", "th"):
            self.rows[-1].append(self.cell)
        if tag == "caption":
            self.caption = self.cell
        if tag == "table":
            self.tables[self.caption] = self.rows

    def handle_data(self, text):
        if self.cell is not None:
            self.cell += text
        if self.open and self.open[-1] != "style":
            self.words.append(text)

    def table(self, beginning: str) -> dict[str, dict[str, str]]:
        """A table's rows by their heads, cells by their columns'; the caption begins like this."""
        (rows,) = [rows for caption, rows in self.tables.items() if caption.startswith(beginning)]
        head, *body = rows
        return {row[0]: dict(zip(head, row, strict=True)) for row in body}

    @property
    def said(self) -> str:
        """All its words."""
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module", autouse=True)
def few_samples():
    """A bootstrap of seconds; none of its intervals is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("giraffe.reading.report.gather.SAMPLES", 20)
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The organisers' small network with weights of chance, calibrated for one class."""
    folder = tmp_path_factory.mktemp("report") / "model"
    folder.mkdir()
    torch.manual_seed(4)
    recipe = dataclasses.replace(RECIPES["2324"], labels="most_probable", all_images=True)
    network = Network(recipe, (60, 80))
    maps = [["none", [1.0, 1.0, 0.0]]] * len(CLASSES)
    maps[0] = ["shift", [1.0, 1.0, 0.7]]
    description = {
        "recipe": recipe.as_dict(), "size": [60, 80], "seed": 4, "calibration": maps,
        "thresholds": [0.45 + 0.01 * k for k in range(len(CLASSES))],
        "networks": [{"training_labels": {"NORM": 31, "PAC": 2}, "records": {"training": 33}}],
    }  # fmt: skip
    save_model(folder, [network.state_dict()], description)
    (folder / "history.csv").write_text(
        "epoch,training_loss,validation_loss,auroc,f\n1,0.7,0.6,0.5,0.2\n2,0.4,,0.75,0.3\n"
    )
    (folder / "split.csv").write_text("record,part\nelsewhere/sim0005_000001,training\n")
    return folder


@pytest.fixture(scope="module")
def data(records_folder, tmp_path_factory):
    """Records with pictures, with waveforms alone, with a broken picture, with nothing, broken."""
    folder = tmp_path_factory.mktemp("data")
    for k in range(NAMES):
        for path in records_folder.glob(f"sim0005_00000{k}*"):
            shutil.copy(path, folder)
    for k in range(3):
        (folder / f"sim0005_00000{k}-0.png").unlink()
    (folder / "sim0005_000003-0.png").write_bytes(b"no picture")
    broken = folder / "sim0005_000004"
    broken.with_name("sim0005_000004-0.png").unlink()
    broken.with_suffix(".dat").unlink()
    (folder / f"{ODD.replace('/', '')}.hea").write_text("no header at all\n")
    return folder


@pytest.fixture(scope="module")
def wanted(model, data):
    return Wanted(model, data, conditions=("color-scan-clean", "screenshot"))


@pytest.fixture(scope="module")
def gathered(wanted):
    return gather(wanted, verbose=False)


@pytest.fixture(scope="module")
def shown(gathered):
    return page(gathered, f"giraffe report '{ODD}' data -o report.html")


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(shown):
    parsed = Page(shown)
    assert "://" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", shown)
    for tag, attributes in parsed.tags:
        assert tag not in ("script", "link", "iframe", "object")
        for name in ("src", "href"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:image/jpeg;base64,")), address
        assert not any(name.startswith("on") for name in attributes)
    ids = [attributes["id"] for _, attributes in parsed.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for _, a in parsed.tags if (a.get("href") or "").startswith("#")}
    assert targets and targets <= set(ids)
    assert "prefers-color-scheme: dark" in shown and "Not a medical device" in parsed.said


def test_what_is_to_be_seen_is_said_too(shown):
    parsed = Page(shown)
    pictures = [attributes for tag, attributes in parsed.tags if tag == "img"]
    drawings = [attributes for tag, attributes in parsed.tags if tag == "svg"]
    assert len(pictures) > 4 and len(drawings) > 4
    assert all(len(one["alt"]) > 10 for one in pictures)
    assert all(one["role"] == "img" and len(one["aria-label"]) > 10 for one in drawings)
    assert parsed.tables and all(caption for caption in parsed.tables)
    assert len(set(re.findall("#0[1-6]0[1-6]0[1-6]", shown))) == 0  # colours are the page's own


def test_the_figures_are_those_of_the_metrics(shown, gathered, model, data):
    classifier = Classifier(model)
    records = {record.name: record for record in scan(data)[0]}
    names = [record.name for record in gathered.answers.records]
    assert names == [f"sim0005_00000{k}" for k in range(NAMES) if k != 4]
    p = gathered.answers.probabilities
    for name in ("sim0005_000005", "sim0005_000007"):
        alone = classifier.record_probabilities(data / name)
        np.testing.assert_allclose(p[names.index(name)], alone, atol=1e-4)
    targets = np.stack([records[name].targets() for name in names])
    chosen = np.array([[c in got for c in CLASSES] for got in classifier.labels(p)])
    f, area = f_per_class(targets, chosen), auroc_per_class(targets, p)
    parsed = Page(shown)
    rows = parsed.table("Each finding")
    assert rows["mean of those that occur"]["F"] == f"{macro(f):.3f}"
    assert rows["mean of those that occur"]["AUROC"] == f"{macro(area):.3f}"
    calibration = parsed.table("Map: ")
    decisions = parsed.table("What the thresholds decide")
    for k, name in enumerate(CLASSES):
        (row,) = [row for head, row in rows.items() if head.startswith(f"{name}, ")]
        assert row["F"] == number(f[k]) and row["AUROC"] == number(area[k])
        hits = (chosen[:, k] & (targets[:, k] > 0.5)).sum()
        assert row["records"] == str(int(targets[:, k].sum()))
        assert row["precision"] == (
            number(hits / chosen[:, k].sum()) if chosen[:, k].any() else "–"
        )
        assert row["recall"] == (number(hits / targets[:, k].sum()) if targets[:, k].any() else "–")
        assert calibration[name]["ECE"] == number(calibration_error(targets[:, k], p[:, k]))
        assert calibration[name]["log loss"] == number(log_loss(targets[:, k], p[:, k]))
        assert decisions[name]["get it"] == str(chosen[:, k].sum())
        assert decisions[name]["threshold"] == f"{0.45 + 0.01 * k:.3f}"
    assert calibration["NORM"]["log loss"] != calibration["NORM"]["log loss, raw"]
    assert calibration["PAC"]["log loss"] == calibration["PAC"]["log loss, raw"]


def test_conditions_have_the_scores_of_the_conditions_command(shown, gathered, model, data):
    assert [one.name for one in gathered.conditions] == ["color-scan-clean", "screenshot"]
    classifier, records = Classifier(model), printed_records(data)
    rows = Page(shown).table("Scores by condition")
    for name, row in rows.items():
        done, p = classify_printed(records, classifier, name, verbose=False)
        found = scores(done, p, classifier)
        assert row["macro F"] == f"{found['f']:.3f}" and row["records"] == "7"
        assert row["macro AUROC"] == f"{found['auroc']:.3f}"


def test_what_is_left_out_to_be_bearable_is_said(wanted):
    few = dataclasses.replace(wanted, records=5, printed=2)
    parsed = Page(page(gather(few, verbose=False), "x"))
    assert parsed.table("Scores by condition")["screenshot"]["records"] == "2"
    assert "Reading stops at 5 records, drawn by chance" in parsed.said
    assert re.search(r"The same 2 records.* \d could be printed; --printed \d", parsed.said)
    assert "Left out here: bw-scan-clean, phone-clean" in parsed.said


def test_counts_are_those_of_the_folder_and_of_the_model(shown):
    parsed = Page(shown)
    rows = parsed.table("Records by label")
    assert rows["NORM"]["training"] == "31" and rows["Total"]["training"] == "33"
    assert rows["Total"]["folder"] == "8" and rows["Total"]["read here"] == "7"
    assert list(rows)[:3] == ["AFIB/AFL", "Acute MI", "BRADY"]  # as in the paper's table
    assert "7 were read: 3 from their pictures, 4 printed in memory" in parsed.said
    assert "1 trained the model, 0 validated it, 6 are in neither part" in parsed.said
    assert "say more than the model deserves" in parsed.said


def test_records_and_pictures_that_cannot_be_read_are_named(shown):
    said = Page(shown).said
    assert "2 records not read" in said
    assert "neither an image file nor a signal file (sim0005_000004)" in said
    assert "1 record with a picture not read" in said and "sim0005_000003" in said


def test_what_comes_from_files_is_escaped(shown, gathered):
    assert "<script" not in shown and "a&b" not in shown
    assert ODD.replace("/", "") in Page(shown).said  # the broken record's name, as it is
    odd = dataclasses.replace(gathered.best[0], name=ODD, true=[ODD], given=[ODD, ODD])
    description = gathered.description | {"device": ODD, "versions": {ODD: ODD}, "seed": ODD}
    changed = dataclasses.replace(
        gathered, best=[odd], description=description, history=[], history_problem=ODD
    )
    text = page(changed, "x")
    assert "<script" not in text and Page(text).said.count(ODD) > 8


def test_the_page_names_digest_versions_and_command(shown, model):
    said = Page(shown).said
    digest = json.loads((model / "model.json").read_text())["weights"][0]
    assert digest in said and torch.__version__ in said
    assert f"giraffe report '{ODD}' data -o report.html" in said


def test_findings_that_no_record_has_are_said_and_have_dashes(shown):
    parsed = Page(shown)
    row = parsed.table("Each finding")["BRADY, bradycardia"]
    assert row["records"] == "0" and row["F"] == row["AUROC"] == row["recall"] == "–"
    assert re.search(r"No curves: [^.]*BRADY[^.]*\(no record has it\)", parsed.said)
    assert "No record read here has Acute MI" in parsed.said


def test_a_model_without_history_and_split_has_a_page_that_says_so(
    model, data, tmp_path, monkeypatch
):
    bare = tmp_path / "bare"
    shutil.copytree(model, bare)
    (bare / "history.csv").unlink()
    (bare / "split.csv").write_bytes(b"\xff\xfe no table")
    content = json.loads((bare / "model.json").read_text())
    content["networks"] = [{"records": 3}, 4]
    (bare / "model.json").write_text(json.dumps(content))
    out = tmp_path / "deep" / "report.html"
    words = ["report", str(bare), str(data), "-o", str(out), "--conditions", "none", "-q"]
    assert main([*words, "--records", "2"]) == 0
    said = Page(out.read_text(encoding="utf-8")).said
    assert "No curves: " in said and "history.csv" in said
    assert "is not known" in said and "The model does not say what it was trained on" in said
    assert "No scores: No condition was asked for." in said
    assert "Reading stops at 2 records" in said
    assert "--conditions none" in said
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]


def test_records_of_one_class_alone_have_a_page(model, data, tmp_path):
    one = tmp_path / "one"
    one.mkdir()
    for path in data.glob("sim0005_000005*"):
        shutil.copy(path, one)
    header = one / "sim0005_000005.hea"
    header.write_text(re.sub("# Labels:.*", "# Labels: PVC\n# Unknown: NORM", header.read_text()))
    (one / "sim0005_000005.dat").unlink()
    parsed = Page(page(gather(Wanted(model, one, conditions=("screenshot",)), False), "x"))
    assert "None of the records has a waveform" in parsed.said
    assert "every record has it" in parsed.said
    assert "no record says whether it has it" in parsed.said
    assert parsed.table("What the thresholds decide")["NORM"]["have it"] == "–"


def test_without_anything_to_read_the_command_says_why(model, data, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "r.html"
    assert main(["report", str(model), str(empty), "-o", str(out)]) == 1
    assert "no record with a label" in capsys.readouterr().err
    assert main(["report", str(data), str(data), "-o", str(out)]) == 1
    assert "no finished model here" in capsys.readouterr().err
    words = ["report", str(model), str(data), "-o", str(out)]
    assert main([*words, "--conditions", "fax"]) == 1
    assert "no such condition: fax; there are: color-scan-clean" in capsys.readouterr().err
    assert main([*words, "--preset", "D4"]) == 1 and main([*words, "--records", "0"]) == 1
    assert not out.exists()


def test_a_part_is_chosen_by_the_models_split(wanted, tmp_path):
    trained = gather(dataclasses.replace(wanted, part="training", conditions=()), False)
    assert [record.name for record in trained.answers.records] == ["sim0005_000001"]
    with pytest.raises(RecordError, match="no record of the part validation"):
        gather(dataclasses.replace(wanted, part="validation"), False)
    bare = tmp_path / "bare"
    shutil.copytree(wanted.model, bare)
    (bare / "split.csv").unlink()
    with pytest.raises(ModelError, match="is not known"):
        gather(dataclasses.replace(wanted, model=bare, part="unseen"), False)


def test_best_and_worst_readings_are_those_of_the_likelihood(gathered):
    answers = gathered.answers
    losses = losses_of_truth(answers.targets, answers.probabilities).sum(axis=1)
    names = [record.name for record in answers.records]
    assert gathered.best[0].name == names[losses.argmin()]
    assert gathered.worst[0].name == names[losses.argmax()]
    assert gathered.best[0].likelihood == pytest.approx(np.exp(-losses.min()))
    assert gathered.best[0].explained.name in gathered.best[0].true
    sets = [tuple(one.true) for one in gathered.best]
    assert len(sets) == len(set(sets))


def test_pictures_are_calibrated_before_their_mean(model, data, tmp_path):
    """As `predict` and the entry do, so that the page has their probabilities."""
    folder = tmp_path / "two"
    folder.mkdir()
    for path in data.glob("sim0005_00000[56]*"):
        shutil.copy(path, folder)
    header = folder / "sim0005_000005.hea"
    images = "# Image: sim0005_000005-0.png, sim0005_000006-0.png"
    header.write_text(re.sub("# Image:.*", images, header.read_text()))
    classifier, records = Classifier(model), scan(folder)[0]
    answers = read_records(records[:1], classifier, "D1", {}, {}, verbose=False)
    alone = classifier.record_probabilities(records[0].path)
    np.testing.assert_allclose(answers.probabilities[0], alone, atol=1e-5)


def test_curves_agree_with_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    truth, p = rng.random(90) < 0.3, rng.integers(0, 20, 90) / 20  # with ties
    rates, recalls = roc(truth, p)
    expected = sklearn.roc_curve(truth, p, drop_intermediate=False)
    np.testing.assert_allclose(rates, expected[0])
    np.testing.assert_allclose(recalls, expected[1])
    recall, precision = precision_recall(truth, p)
    expected = sklearn.precision_recall_curve(truth, p)
    np.testing.assert_allclose(precision[::-1], expected[0][:-1])
    np.testing.assert_allclose(recall[::-1], expected[1][:-1])
    expected = sklearn.average_precision_score(truth, p)
    assert average_precision(truth, p) == pytest.approx(expected)


def test_scores_leave_out_what_is_unknown():
    targets = np.full((4, len(CLASSES)), np.nan)
    targets[:3, 0] = 1, 0, 1
    p = np.full(targets.shape, 0.4)
    p[:, 0] = 0.9, 0.2, 0.3, 0.8
    one, other, *_ = class_scores(targets, p, p, p >= 0.5)
    assert (one.known, one.positives, one.given, one.hits) == (3, 2, 1, 1)
    assert (one.precision, one.recall, one.f) == (1, 0.5, pytest.approx(2 / 3))
    assert other.known == 0 and np.isnan([other.share, other.log_loss, other.error]).all()
    assert losses_of_truth(targets, p)[3].sum() == 0
    assert losses_of_truth(targets, p)[0].sum() == pytest.approx(-np.log(0.9))


def test_reliability_counts_what_is_true_in_bins_of_as_many():
    p = np.array([0.1, 0.9, 0.2, 0.8])
    low, high = reliability([False, True, True, True], p, 2)
    assert low[0] == pytest.approx(0.15) and low[1] == 0.5 and low[4] == 2
    assert high[1] == 1 and 0 < low[2] < 0.5 < low[3] < 1 and high[2] < high[3] <= 1 + 1e-9


def test_drawings_are_parts_of_a_page_with_names_of_their_own():
    def draw(figure):
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], "o-", color=figures.ACCENT)

    one, two = (figures.svg(draw, name, 'a "line"') for name in ("one", "two"))
    assert 'aria-label="a &quot;line&quot;"' in one and "var(--accent)" in one
    assert "xmlns" not in one and "http" not in one and "<metadata" not in one
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (one, two)]
    assert ids[0] and not ids[0] & ids[1]
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', one)) <= ids[0]


def test_text_becomes_html_once():
    assert html("<&>") == "&lt;&amp;&gt;" and html(Html("<b>")) == "<b>"
    made = element("a", "x<y", element("b", "&"), href='"', class_=None)
    assert made == '<a href="&quot;">x&lt;y<b>&amp;</b></a>'
    assert '<th scope="row">&lt;i&gt;</th>' in table("c", ["a", "b"], [["<i>", 1]])
    assert number(None) == number(float("nan")) == "–" and number(0.12345, 2) == "0.12"
