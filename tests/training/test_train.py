"""A tiny run learns, goes on after an interrupt as if there was none, and loads as a reranker."""

import importlib.util
import shutil

import pytest
from toy import write_toy

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("accelerate", "datasets", "torch")),
    reason="needs the train extra: make test-extras",
)

STEPS = 24


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return write_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module", params=["bert", "late join"])
def trained(request, toy, parity, late_join, tmp_path_factory):
    """Make the function that runs the toy's training into a folder."""
    from secondpass.cli.train import prepare
    from secondpass.training.out_folder import prepare_out
    from secondpass.training.recipe import Recipe
    from secondpass.training.run import open_history, run, settings_of

    recipe = Recipe(
        model=str(parity / "bert" if request.param == "bert" else late_join),
        steps=STEPS,
        minutes=None,
        max_length=64,
        learning_rate=2e-3,
        precision="fp32",
        evaluate_every=12,
        checkpoint_every=8,
    )
    patch = pytest.MonkeyPatch()
    patch.setenv("SECONDPASS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    prepared = prepare(recipe, (toy / "train.jsonl",), {}, (toy / "dev",))
    patch.undo()
    settings = settings_of(recipe, ["train"], ["dev"])

    def train(out, *, resume=False, interrupted_at=None):
        def report(at):
            if at.step == interrupted_at:
                raise KeyboardInterrupt

        prepare_out(out, resume=resume)
        return run(prepared, open_history(out, settings, resume=resume), out, report=report)

    return train


@pytest.fixture(scope="module")
def whole(trained, tmp_path_factory):
    """One uninterrupted run, and its folder."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    return trained(out), out


def test_it_learns(whole):
    outcome, _ = whole
    dev = outcome.history.dev
    assert [point.step for point in dev] == [0, 12, 24]
    assert outcome.history.best().mean > dev[0].mean + 0.15
    assert outcome.complete
    # One positive and at least one negative in each group.
    assert outcome.history.pairs >= STEPS * 8 * 2


def test_the_folder_is_a_reranker_with_the_measured_scores(whole, toy, tmp_path):
    from secondpass import CrossEncoderReranker
    from secondpass.evaluation.first_stages.run_file import given_run
    from secondpass.evaluation.measures import Measures
    from secondpass.evaluation.open_collection import open_collection
    from secondpass.evaluation.rerank import at_depth, rescore

    outcome, out = whole
    # By logit: a sigmoid would make equal scores of the toy's large ones.
    reranker = CrossEncoderReranker(
        out, max_length=64, precision="fp32", activation="identity", cache_dir=tmp_path
    )
    collection = open_collection(str(toy / "dev"))
    first = given_run(collection, "run.bm25.trec")
    scores = rescore(collection, first, reranker, 50, lambda _: None).scores
    values = Measures(("nDCG@10",), collection.qrels).values(at_depth(first, scores, 50))
    assert values["nDCG@10"].mean() == pytest.approx(outcome.history.best().mean, abs=1e-6)


def test_resume_equals_an_uninterrupted_run(whole, trained, tmp_path):
    from safetensors.numpy import load_file

    outcome, out = whole
    parts = tmp_path / "parts"
    stopped = trained(parts, interrupted_at=18)
    assert not stopped.complete
    assert [point.step for point in stopped.history.dev] == [0, 12]
    resumed = trained(parts, resume=True)
    assert resumed.complete
    assert resumed.history.losses == outcome.history.losses
    assert resumed.history.dev == outcome.history.dev
    assert (resumed.history.pairs, resumed.history.tokens) == (
        outcome.history.pairs,
        outcome.history.tokens,
    )
    last = f"checkpoints/checkpoint-{STEPS}/model.safetensors"
    one, other = load_file(out / last), load_file(parts / last)
    assert one.keys() == other.keys()
    for name in one:
        assert (one[name] == other[name]).all(), name
    assert not list(out.rglob("training_args.bin"))


def test_resume_is_refused_with_other_settings_or_without_a_checkpoint(whole, tmp_path):
    from secondpass import InputError
    from secondpass.training.out_folder import prepare_out
    from secondpass.training.run import open_history

    outcome, out = whole
    with pytest.raises(InputError, match="--resume: seed was 0 and is 2 now"):
        open_history(out, {**outcome.history.settings, "seed": 2}, resume=True)
    with pytest.raises(InputError, match="holds no checkpoint"):
        prepare_out(tmp_path, resume=True)
    with pytest.raises(InputError, match="is not empty"):
        prepare_out(out, resume=False)


def test_what_is_kept_is_half_way_where_half_is_the_starts(toy, late_join, tmp_path, monkeypatch):
    from safetensors.numpy import load_file

    from secondpass.cli.train import prepare
    from secondpass.training.recipe import Recipe
    from secondpass.training.run import open_history, run

    recipe = Recipe(
        model=str(late_join), steps=3, minutes=None, max_length=64, learning_rate=1e-2,
        precision="fp32", share_of_start=0.5,
    )  # fmt: skip
    monkeypatch.setenv("SECONDPASS_CACHE_DIR", str(tmp_path / "cache"))
    prepared = prepare(recipe, (toy / "train.jsonl",), {}, ())
    out = tmp_path / "out"
    run(prepared, open_history(out, {}, resume=False), out, report=lambda at: None)
    start, kept, trained = (
        load_file(folder / "model.safetensors")
        for folder in (late_join, out, out / "checkpoints" / "checkpoint-3")
    )
    assert abs(trained["text_type"] - start["text_type"]).max() > 1e-3
    for name, value in kept.items():
        assert value == pytest.approx((start[name] + trained[name]) / 2, abs=1e-6), name
    # Killed after its last checkpoint, it is over and has no model yet: only that is made.
    (out / "model.safetensors").unlink()
    history = open_history(out, {}, resume=True)
    ended = run(prepared, history, out, report=lambda at: pytest.fail("it trains again"))
    assert (ended.complete, ended.kept_step) == (True, 3)
    again = load_file(out / "model.safetensors")
    assert all((again[name] == value).all() for name, value in kept.items())


def test_listwise_is_the_cross_entropy_of_the_positive():
    import torch

    from secondpass.training.examples import Group
    from secondpass.training.recipe import Recipe
    from secondpass.training.trainer import POSITIVE_LABEL, GroupDataset, make_loss

    class Given(torch.nn.Module):
        device, num_labels = torch.device("cpu"), 1

        def preprocess(self, pairs, **_):
            return {"read": torch.tensor([float(text) for _, text in pairs])}

        def forward(self, features):
            return {"scores": features["read"][:, None]}

    recipe = Recipe(model="x", steps=1, minutes=None)
    data = GroupDataset([Group("q", "2", ("0", "-1"), "s")], 1, POSITIVE_LABEL["listwise"])
    loss = make_loss(recipe, Given())(
        [["q"], [data[0]["texts"]]], [torch.tensor(data[0]["labels"])]
    )
    # -log(e^2 / (e^2 + 1 + e^-1))
    assert float(loss) == pytest.approx(0.16984602, abs=1e-6)


def test_a_bi_encoder_gets_a_new_head(parity, tmp_path):
    from secondpass import CrossEncoderReranker
    from secondpass.training.load_trainable import load_trainable
    from secondpass.training.trainer import save_model

    model = load_trainable(str(parity / "bert-embedder"), 64)
    assert model.num_labels == 1
    save_model(model, tmp_path / "out")
    reranker = CrossEncoderReranker(
        tmp_path / "out", max_length=64, precision="fp32", cache_dir=tmp_path / "graphs"
    )
    assert len(reranker.rank("read", ["a", "b"])) == 2


@pytest.mark.parametrize(
    ("model", "max_length", "message"),
    [
        (None, 64, "give --model"),
        ("bert-onnx", 64, "only safetensors can be trained"),
        ("bert-two-labels", 64, "2 labels"),
        ("bert", 512, "more than the 64 positions"),
    ],
)
def test_a_model_that_cannot_be_trained(parity, model, max_length, message):
    from secondpass import SecondpassError
    from secondpass.training.load_trainable import load_trainable

    with pytest.raises(SecondpassError, match=message):
        load_trainable(model and str(parity / model), max_length)


@pytest.mark.parametrize(
    ("model", "way_out"),
    [
        ("embedded/cross-encoder", "make build/cross-encoder"),
        ("embedded/accurate", "name the model it was made from"),
    ],
)
def test_an_embedded_model_ships_at_int8(model, way_out):
    from secondpass import UnsupportedModelError
    from secondpass.training.load_trainable import check_trainable

    with pytest.raises(UnsupportedModelError, match=f"only safetensors can be trained; {way_out}"):
        check_trainable(model, 64)


@pytest.mark.filterwarnings("ignore:checkpoint .* is not whole")
@pytest.mark.parametrize("damage", ["", "{", '{"settings": {}}', '{"losses": 1, "dev": []}', "[]"])
def test_a_checkpoint_that_was_cut_off_is_passed_over(whole, tmp_path, damage):
    from secondpass.training.out_folder import newest_checkpoint

    _, out = whole
    parts = tmp_path / "parts"
    shutil.copytree(out, parts)
    assert newest_checkpoint(parts).name == "checkpoint-24"
    (parts / "checkpoints" / "checkpoint-24" / "history.json").write_text(damage)
    before = newest_checkpoint(parts)
    assert before is not None
    assert before.name != "checkpoint-24"
    (before / "history.json").unlink()
    (parts / "checkpoints" / "checkpoint-tmp").mkdir()
    assert newest_checkpoint(parts) is None


def test_a_run_that_was_cut_off_in_its_last_checkpoint_ends_the_same(whole, trained, tmp_path):
    from safetensors.numpy import load_file

    outcome, out = whole
    parts = tmp_path / "parts"
    shutil.copytree(out, parts)
    (parts / "checkpoints" / "checkpoint-24" / "history.json").write_text('{"settings": ')
    with pytest.warns(UserWarning, match="checkpoint-24 is not whole"):
        resumed = trained(parts, resume=True)
    assert resumed.complete
    assert resumed.history.dev == outcome.history.dev
    last = "checkpoints/checkpoint-24/model.safetensors"
    one, other = load_file(out / last), load_file(parts / last)
    assert all((one[name] == other[name]).all() for name in one)


def test_a_run_that_was_ended_before_its_first_checkpoint_begins_anew(whole, trained, tmp_path):
    outcome, _ = whole
    out = tmp_path / "out"
    stopped = trained(out, interrupted_at=3)
    assert not stopped.complete
    # What a kill in the first checkpoint leaves.
    (out / "checkpoints" / "checkpoint-8").mkdir(parents=True, exist_ok=True)
    with pytest.warns(UserWarning, match="checkpoint-8 is not whole"):
        resumed = trained(out, resume=True)
    assert resumed.complete
    assert resumed.history.dev == outcome.history.dev
    assert resumed.kept_step == outcome.kept_step


def test_a_run_that_was_ended_after_its_last_checkpoint_gets_its_model(whole, trained, tmp_path):
    """With a development set the best weights are there; the last ones are kept without one."""
    outcome, out = whole
    parts = tmp_path / "parts"
    shutil.copytree(out, parts)
    again = trained(parts, resume=True)
    assert (again.complete, again.kept_step) == (True, outcome.kept_step)
    assert again.weights_sha256 == outcome.weights_sha256
    (parts / "model.safetensors").unlink()
    again = trained(parts, resume=True)
    assert again.weights_sha256 is not None


def test_a_folder_that_cannot_be_written_is_known_before_the_work(tmp_path):
    from secondpass import InputError
    from secondpass.training.out_folder import prepare_out

    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="cannot be written"):
            prepare_out(out, resume=False)
