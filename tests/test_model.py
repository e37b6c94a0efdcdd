"""The model that comes with the package: whole, small, and better than chance."""

import json

import numpy as np
import pytest
import torch

from giraffe.classes import CLASSES
from giraffe.ecg.simulate import write_record
from giraffe.judging.conditions import classify_printed, printed_records
from giraffe.judging.metrics import auroc_per_class, macro
from giraffe.learning.hearts import real_hearts
from giraffe.network.classifier import Classifier
from giraffe.network.compact import SCALE
from giraffe.network.signalnet import logits
from giraffe.recipe import SHIPPED
from team_code import load_models, run_models


def test_the_folder_holds_one_network_with_kernels_of_8_bits():
    weights = torch.load(SHIPPED / "weights-0.pt", weights_only=True)
    assert (SHIPPED / "weights-0.pt").stat().st_size < 25e6
    kernels = [name for name, value in weights.items() if value.dtype == torch.int8]
    assert len(kernels) > 90 and all(name + SCALE in weights for name in kernels)
    assert weights["last.weight"].dtype == torch.float32
    assert not any(name.startswith(("cells.", "measured.")) for name in weights)
    description = json.loads((SHIPPED / "model.json").read_text())
    assert description["recipe"]["name"] == "giraffe"
    assert "/" not in description["networks"][0]["initial"], "a path of the machine that trained it"
    card = (SHIPPED / "README.md").read_text()
    for section in ("Intended use", "Data", "Procedure", "Figures", "Limits", "Licence"):
        assert f"\n## {section}" in card
    assert "CC BY 4.0" in card and "not a medical device" in card
    digests = [description["weights"][0], description["signals"]["digest"]]
    assert all(digest[:8] in card for digest in digests), "the card names all weights by digest"
    assert (SHIPPED / "signals.pt").stat().st_size < 5e6


def test_the_challenges_functions_read_a_printout_with_it(records_folder):
    digitization, classification = load_models(str(SHIPPED), False)
    signal, labels = run_models(
        str(records_folder / "sim0005_000003"), digitization, classification, False
    )
    assert signal.shape == (5000, 12) and np.isfinite(signal).any()
    assert labels and set(labels) <= set(CLASSES)


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("held_out")
    for k in range(36):
        write_record(folder, 777, k)
    return printed_records(folder)


def test_pictures_alone_tell_it_what_patients_have_that_it_has_not_seen(held_out):
    classifier = Classifier(signals=False)
    records, p = classify_printed(held_out, classifier, "phone-clean", verbose=False)
    targets = np.stack([record.targets() for record in records])
    assert macro(auroc_per_class(targets, p)) > 0.85


def test_pictures_and_the_signals_in_them_are_read_together(held_out):
    """A few scans; many are judged in the card."""
    records, p = classify_printed(held_out[:10], Classifier(), "color-scan-clean", verbose=False)
    targets = np.stack([record.targets() for record in records])
    assert auroc_per_class(targets.reshape(-1, 1), p.reshape(-1, 1))[0] > 0.85


def test_signals_alone_tell_it_too(held_out):
    signals = logits(Classifier()._readers, real_hearts(held_out).signals)
    targets = np.stack([record.targets() for record in held_out])
    assert macro(auroc_per_class(targets, signals)) > 0.85
