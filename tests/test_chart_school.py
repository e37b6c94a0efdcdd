"""The school of the reader's networks: from a seed, on pages that are printed once."""

import numpy as np
import pytest
import torch

from giraffe.__main__ import main
from giraffe.chart import pages, school, views
from giraffe.chart.evidence import EvidenceNetwork
from giraffe.chart.letters import LettersNetwork
from giraffe.tensors import load_tensors

NETWORKS = {"evidence": EvidenceNetwork, "letters": LettersNetwork}
NUMBER = 20


@pytest.fixture(scope="module")
def small():
    """Pages of some 300 px, in small batches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "LONGEST", (280, 300))
        patch.setattr(views, "BATCH", 6)
        yield


@pytest.fixture(scope="module")
def folder(small, tmp_path_factory):
    """Printed pages of seed 3."""
    folder = tmp_path_factory.mktemp("pages")
    assert len(list(pages.pages(folder, 3, NUMBER, jobs=1, verbose=False))) == NUMBER
    return folder


def lesson(output, folder, network, seed=3, **more):
    school.learn(network, output, folder, NUMBER, 1, seed, 1, verbose=False, **more)
    return load_tensors(output)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_is_trained_from_a_seed_on_pages_that_are_kept(
    network, folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(pages, "printed_page", None)  # not called again
    monkeypatch.setattr(pages, "other_page", None)
    state = lesson(tmp_path / "first.pt", folder, network)
    again = lesson(tmp_path / "again.pt", folder, network)
    assert all(torch.equal(value, again[name]) for name, value in state.items())
    taught = NETWORKS[network]()
    untaught = {name: value.clone() for name, value in taught.state_dict().items()}
    taught.load_state_dict(state)
    for name, value in state.items():
        assert value.isfinite().all(), name
        if value.is_floating_point():
            assert value.dtype == (torch.float16 if value.dim() > 1 else torch.float32)
            assert not torch.equal(value.float(), untaught[name]), name
    goes_on = lesson(tmp_path / "more.pt", folder, network, initial=tmp_path / "first.pt")
    assert any(not torch.equal(value, state[name]) for name, value in goes_on.items())


def test_printed_pages_are_kept_for_their_seed_alone(folder, tmp_path, small, monkeypatch):
    kept = [page.encoded for page in pages.pages(folder, 3, NUMBER, jobs=1, verbose=False)]
    printed = []
    real = pages.printed_page
    monkeypatch.setattr(pages, "printed_page", lambda *args: printed.append(args) or real(*args))
    again = [page.encoded for page in pages.pages(folder, 3, NUMBER, jobs=1, verbose=False)]
    assert again == kept and not printed
    other = list(pages.pages(tmp_path, 4, 4, jobs=1, verbose=False))
    assert printed and not {page.encoded for page in other} & set(kept)
    assert not list(folder.glob("*.part"))


def test_some_pictures_have_no_chart_and_the_others_know_where_it_lies(folder, small):
    found = list(pages.pages(folder, 3, NUMBER, jobs=1, verbose=False))
    kinds = [page.kind for page in found]
    assert 1 <= sum(kind != "chart" for kind in kinds) < NUMBER / 2
    for page in found:
        assert (page.placement is not None) == (page.kind == "chart")
        if page.placement is not None:
            corners = page.placement.chart_corners()
            assert np.isfinite(corners).all() and np.abs(corners - 0.5).max() < 1


def test_every_picture_is_seen_in_most_epochs_by_both_networks(folder, small):
    found = list(pages.pages(folder, 3, NUMBER, jobs=1, verbose=False))
    for keys, least in ((views.epoch_keys, 0), (views.chart_keys, NUMBER // 2)):
        seen = [key[0] for batch in keys(found, 1, 3) for key in batch]
        assert len(seen) == len(set(seen)) >= least
        assert keys(found, 1, 3) == keys(found, 1, 3) != keys(found, 2, 3)
    charts = {k for k, page in enumerate(found) if page.placement is not None}
    assert {key[0] for batch in views.chart_keys(found, 1, 3) for key in batch} <= charts


@pytest.mark.parametrize("network", NETWORKS)
def test_the_fewest_pages_that_are_taken_are_enough(network, small, tmp_path):
    output = tmp_path / "net.pt"
    command = ["chart-reader", network, "-o", str(output), "--folder", str(tmp_path / "pages"),
               "--pages", "16", "--epochs", "1", "--seed", "1", "--jobs", "1"]  # fmt: skip
    assert main(command) == 0
    NETWORKS[network]().load_state_dict(load_tensors(output))


def test_too_few_pages_are_refused(tmp_path, capsys):
    command = ["chart-reader", "letters", "-o", str(tmp_path / "n.pt"), "--folder", str(tmp_path)]
    assert main([*command, "--pages", "8"]) == 1
    assert "at least 16 pages" in capsys.readouterr().err and not (tmp_path / "n.pt").exists()
