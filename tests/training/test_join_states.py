"""States below the join are computed once a text, and are the same bits whatever is kept."""

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("sentence_transformers", reason="the train extra is not installed")

WIDTH = 32
LONG = "row and column, file reader " * 20
PAIRS = [
    ("read a file", "csv"),
    ("read", "the date and the time " * 5),
    ("read a file", "the date and the time " * 5),
    ("names of a column", LONG),
    ("a b c", ""),
]


@pytest.fixture
def module(late_join):
    from secondpass.training.late_join_module import LateJoinModule

    return LateJoinModule(late_join, 64)


def scores(module, pairs):
    with torch.no_grad():
        return module(module.preprocess(pairs))["scores"][:, 0]


def test_apart_in_one_padded_batch_or_each_text_alone_is_the_same_model(module):
    features = module.preprocess(PAIRS)
    seen, second = features["attention_mask"].bool(), features["token_type_ids"].bool()
    query, text = seen & ~second, seen & second
    with torch.no_grad():
        x = module.encoder.apart(features["input_ids"], query, text)
        expected, _ = module.head(x, query, text)
    assert scores(module, PAIRS).tolist() == pytest.approx(expected.tolist(), rel=3e-6, abs=2e-5)


def test_small_batches_give_the_scores_in_the_order_of_the_pairs(module, monkeypatch):
    alone = [float(scores(module, [pair])[0]) for pair in PAIRS]
    assert len({round(score, 3) for score in alone}) == len(PAIRS)
    for tokens in (1, 100, 4096):
        monkeypatch.setattr("secondpass.training.late_join_module.BATCH_TOKENS", tokens)
        assert scores(module, PAIRS).tolist() == pytest.approx(alone, rel=3e-6, abs=2e-5)


def test_each_distinct_text_is_computed_once(module):
    scores(module, PAIRS)
    # Four queries and four texts; the empty one is its special tokens.
    assert module.states.computed == 8
    scores(module, PAIRS[::-1])
    assert module.states.computed == 8


def test_a_text_that_is_cut_elsewhere_is_another(module):
    scores(module, [("read", LONG)])
    scores(module, [("read a file", LONG)])
    assert module.states.computed == 4


def test_what_is_kept_changes_no_bit(module, late_join):
    from secondpass.training.join_states import JoinStates
    from secondpass.training.late_join_module import LateJoinModule

    fresh = scores(module, PAIRS)
    warm = LateJoinModule(late_join, 64)
    scores(warm, [(text or "x", query) for query, text in PAIRS] + PAIRS[:2])
    assert torch.equal(scores(warm, PAIRS), fresh)
    nothing = LateJoinModule(late_join, 64)
    nothing.states = JoinStates(nothing.encoder, 0)
    assert torch.equal(scores(nothing, PAIRS), fresh)


def test_no_more_than_its_bytes_are_kept_and_the_oldest_goes(module):
    from secondpass.training.join_states import JoinStates

    # Two texts of three tokens of float32; each of the three is one such.
    states = JoinStates(module.encoder, 2 * 3 * WIDTH * 4)
    first, second, third = (torch.tensor([2, at, 3]) for at in (5, 6, 7))
    before = states.of(first)
    for ids in (second, first, third):
        states.of(ids)
    assert states.computed == 3
    assert states.of(first) is before
    states.of(second)
    assert states.computed == 4
    assert states.of(torch.arange(20)).shape == (20, WIDTH)


def test_precisions_are_kept_apart(module):
    ids = torch.tensor([2, 5, 6, 3])
    with torch.autocast("cpu", torch.bfloat16):
        short = module.states.of(ids)
    whole = module.states.of(ids)
    assert (short.dtype, whole.dtype) == (torch.bfloat16, torch.float32)
    assert torch.allclose(short.float(), whole, atol=0.05)


def test_training_goes_on_from_what_an_evaluation_has_read(module):
    with torch.inference_mode():
        module(module.preprocess(PAIRS))
    module(module.preprocess(PAIRS))["scores"].sum().backward()
    assert module.states.computed == 8
    assert module.head.text_type.grad.abs().sum() > 0


def test_other_weights_have_other_states(module, late_join):
    scores(module, PAIRS)
    module.read(late_join)
    scores(module, PAIRS)
    assert module.states.computed == 16


def test_columns_are_added_to_the_logits_as_a_mask_would_be():
    from secondpass.training.late_join import _attend_with

    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 7, 8)
    first, second = torch.randn(2, 2, 7, 3)
    first.requires_grad_()
    mask = (first @ second.transpose(1, 2))[:, None]
    logits = query @ key.transpose(2, 3) / 8**0.5 + mask
    expected = logits.softmax(-1) @ value
    given = _attend_with(query, key, value, (first, second))
    assert torch.allclose(given, expected, atol=1e-5)
    (slope,) = torch.autograd.grad(given.pow(2).sum(), first)
    (right,) = torch.autograd.grad(expected.pow(2).sum(), first)
    assert torch.allclose(slope, right, atol=1e-4)


def test_in_bfloat16_the_scores_are_near_and_every_weight_above_the_join_learns(module):
    expected = scores(module, PAIRS)
    with torch.autocast("cpu", torch.bfloat16):
        given = module(module.preprocess(PAIRS))["scores"][:, 0]
    assert given.tolist() == pytest.approx(expected.tolist(), abs=0.5)
    given.sum().backward()
    assert all(one.grad.isfinite().all() for one in module.head.parameters())
    assert module.head.cross_bias.grad.abs().sum() > 0
