"""Steps of the optimizer: the same gradients in pieces, in several processes, in little memory."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, run_python

from giraffe.classes import CLASSES
from giraffe.device import choose_batch, choose_precision
from giraffe.learning.distributed import Group, current_group, join_group
from giraffe.learning.feed import Batch
from giraffe.learning.learner import Learner, copy_state
from giraffe.network.architectures import Network
from giraffe.recipe import RECIPES

SIZE = (48, 64)


def batch_of(images: int, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    return Batch(
        torch.from_numpy(rng.integers(0, 256, (images, 3, *SIZE), dtype=np.uint8)),
        torch.from_numpy((rng.random((images, len(CLASSES))) < 0.3).astype(np.float32)),
        torch.empty(images, 0),
        torch.empty(images, 0, 0, 0),
        torch.arange(images),
        [],
    )


def learner(group: Group | None = None, micro_batch: int = 2**30) -> Learner:
    """A vanilla network in float32; it has neither dropout nor batch normalisation."""
    made = Learner(RECIPES["2324"], SIZE, np.ones(11), 7, torch.device("cpu"), group or Group())
    made.precision = torch.float32
    made.micro_batch = micro_batch
    return made


def weights(made: Learner) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in made.network.parameters()])


def test_a_processor_kept_from_its_avx512_computes_in_float32(monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: True)
    for capability, precision in (("AVX512", torch.bfloat16), ("AVX2", torch.float32)):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda name=capability: name)
        assert choose_precision(torch.device("cpu")) == precision
        alone = choose_batch(torch.device("cpu"), precision) == 1
        assert alone == (precision == torch.float32)


def test_accumulated_pieces_step_like_the_whole_batch():
    whole, pieces = learner(), learner(micro_batch=3)
    for seed in range(3):
        losses = [made.step(batch_of(8, seed)) for made in (whole, pieces)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    torch.testing.assert_close(weights(whole), weights(pieces), rtol=1e-4, atol=1e-5)


def test_an_unknown_label_teaches_nothing():
    batch, made = batch_of(4), learner()
    with_either = []
    for value in (0.0, 1.0, torch.nan):
        targets = batch.targets.clone()
        targets[:, 1] = value
        loss, outputs = made.loss(batch.images, targets)
        (gradient,) = torch.autograd.grad(loss, outputs)
        with_either.append((float(loss.detach()), gradient))
    assert torch.equal(with_either[2][1][:, 1], torch.zeros(len(batch)))
    assert torch.equal(with_either[2][1][:, 0], with_either[0][1][:, 0])
    assert with_either[2][0] < min(with_either[0][0], with_either[1][0])


def test_frozen_modules_stay_as_they_were_statistics_included():
    recipe = dataclasses.replace(RECIPES["giraffe"], frozen="Conv2d_2b_3x3", initial="random")
    made = Learner(recipe, (96, 128), np.ones(11), 7, torch.device("cpu"), Group())
    before = copy_state(made.network)
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (2, 3, 96, 128), dtype=np.uint8))
    batch = dataclasses.replace(batch_of(2), images=images)
    made.network.train()
    made.step(batch)
    made.settle_batch_norm([batch], 1)
    changed = {
        name for name, value in made.network.state_dict().items()
        if not torch.equal(value, before[name])
    }  # fmt: skip
    assert not [name for name in changed if "Conv2d_1a" in name or "Conv2d_2" in name]
    assert {"body.Conv2d_3b_1x1.conv.weight", "body.Conv2d_3b_1x1.bn.running_mean"} <= changed
    with pytest.raises(ValueError, match="Mixed_5b"):
        Network(dataclasses.replace(recipe, frozen="Mixed_9z"), (96, 128))


def test_out_of_memory_halves_the_pieces_and_loses_no_step(monkeypatch, caplog):
    plain, cramped = learner(), learner()
    loss = Learner.loss

    def loss_in_little_memory(self, images, *targets):
        if self is cramped and len(images) > 2:
            raise torch.OutOfMemoryError("no room")
        return loss(self, images, *targets)

    monkeypatch.setattr(Learner, "loss", loss_in_little_memory)
    for made in (plain, cramped):
        assert made.step(batch_of(8))[1] == 8
    assert cramped.micro_batch == 2 and "Out of memory" in caplog.text
    torch.testing.assert_close(weights(plain), weights(cramped), rtol=1e-4, atol=1e-5)


def test_out_of_memory_with_one_image_is_the_end(monkeypatch):
    def loss(self, images, *targets):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(Learner, "loss", loss)
    with pytest.raises(torch.OutOfMemoryError):
        learner().step(batch_of(4))


def test_two_processes_step_like_one_with_accumulated_pieces(tmp_path):
    alone = learner(micro_batch=4)
    for seed in range(3):
        alone.step(batch_of(8, seed))
    run_python(
        "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", __file__, tmp_path,
        env={"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    shared = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    assert torch.equal(shared[0]["weights"], shared[1]["weights"])
    torch.testing.assert_close(shared[0]["weights"], weights(alone), rtol=1e-4, atol=1e-5)
    # The validation of both shares is known to both.
    assert shared[0]["validated"] == shared[1]["validated"] == 5


def test_torchrun_trains_a_model_with_the_entrys_own_script(records_folder, tmp_path):
    result = run_python(
        "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone",
        "train_model.py", "-d", records_folder, "-m", tmp_path / "m", "-v",
        env={"OMP_NUM_THREADS": "1", "GIRAFFE_PROFILE": "smoke", "GIRAFFE_RECIPE": "2324"},
    )  # fmt: skip
    assert "2 processes" in result.stderr and result.stderr.count("Model saved") == 1
    assert (tmp_path / "m" / "model.json").exists() and not (tmp_path / "m" / "resume").exists()


def _in_a_group(folder: Path) -> None:
    with join_group():
        group = current_group()
        made = learner(group)
        for seed in range(3):
            whole = batch_of(8, seed)
            share = slice(4 * group.rank, 4 * group.rank + 4)
            made.step(Batch(*(part[share] for part in whole.tensors()), []))
        targets, _, _ = made.validate([batch_of(3 if group.leads else 2)])
        content = {"weights": weights(made), "validated": len(targets)}
        torch.save(content, folder / f"{group.rank}.pt")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    _in_a_group(Path(sys.argv[1]))


def test_a_checkpoint_of_a_gpu_continues_without_it(caplog):
    made, other = learner(), learner()
    made.step(batch_of(4))
    state = made.state()
    # As a GPU leaves it: half precision, a scale, and random numbers of its own.
    state["precision"] = "torch.float16"
    state["scaler"] = torch.amp.GradScaler("cpu", enabled=True).state_dict()
    state["random"] = [[state["random"][0][0], torch.zeros(16, dtype=torch.uint8)]]
    other.load_state(state)
    assert "Continued in torch.float32 after torch.float16" in caplog.text
    torch.testing.assert_close(weights(other), weights(made))
    losses = [one.step(batch_of(4, 1)) for one in (made, other)]
    assert losses[0] == losses[1]
