"""The architectures that have a graph builder. A new one is a record here and a file in graph/."""

from __future__ import annotations

from collections.abc import Mapping

from secondpass.architectures.record import Architecture, Head, Names

BERT = Architecture(
    name="bert",
    builder="post_norm",
    head=Head(("{}pooler.dense", "classifier"), "tanh"),
    names=Names(prefix="bert."),
)

# BERT whose lower layers encode query and text apart: see graph/late_join.py.
LATE_JOIN = Architecture(
    name="late-join-bert",
    builder="late_join",
    head=Head(("projection", "gate", "classifier.dense", "classifier.out_proj"), "gelu"),
    kind="late-join",
    names=Names(prefix="bert."),
    in_sentence_transformers=False,
)

ELECTRA = Architecture(
    name="electra",
    builder="post_norm",
    head=Head(("classifier.dense", "classifier.out_proj"), "gelu"),
    names=Names(prefix="electra."),
)

DISTILBERT = Architecture(
    name="distilbert",
    activation_keys=("activation",),
    builder="post_norm",
    head=Head(("pre_classifier", "classifier"), "relu"),
    token_types=False,
    names=Names(
        prefix="distilbert.",
        layer="transformer.layer.{}",
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attention_output="attention.out_lin",
        attention_norm="sa_layer_norm",
        feed_in="ffn.lin1",
        feed_out="ffn.lin2",
        feed_norm="output_layer_norm",
        layers_key="n_layers",
        heads_key="n_heads",
        width_key="dim",
        intermediate_key="hidden_dim",
    ),
)

MODERNBERT = Architecture(
    name="modernbert",
    activation_keys=("hidden_activation", "classifier_activation"),
    builder="modernbert",
    head=Head(("head.dense", "head.norm", "classifier"), activation=None),
    token_types=False,
)


# DeBERTa v2 and v3: attention by content and by relative position, see graph/deberta.py.
DEBERTA = Architecture(
    name="deberta-v2",
    builder="deberta",
    # config.json names the activation: `pooler_hidden_act`.
    head=Head(("pooler.dense", "classifier"), activation=None),
    activation_keys=("hidden_act", "pooler_hidden_act"),
    names=Names(
        prefix="deberta.",
        query="attention.self.query_proj",
        key="attention.self.key_proj",
        value="attention.self.value_proj",
    ),
)


def _roberta(name: str) -> Architecture:
    """Return one of the names under which config.json has RoBERTa."""
    return Architecture(
        name=name,
        builder="post_norm",
        head=Head(("classifier.dense", "classifier.out_proj"), "tanh"),
        names=Names(prefix="roberta."),
        positions_after_padding=True,
    )


# JinaBERT v1 has "bert" in its config.json; see recognise.py.
JINA_BERT = Architecture(
    name="jina-bert",
    builder="jina_bert",
    head=Head(("{}pooler.dense", "classifier"), "tanh"),
    names=Names(prefix="bert.", feed_norm="mlp.layernorm"),
    in_sentence_transformers=False,
)

# XLM-R with the names of its flash attention, as jina-reranker-v2 has; see recognise.py.
XLM_ROBERTA_FLASH = Architecture(
    name="xlm-roberta-flash",
    builder="post_norm",
    head=Head(("classifier.dense", "classifier.out_proj"), "tanh"),
    names=Names(
        prefix="roberta.",
        layer="encoder.layers.{}",
        packed="mixer.Wqkv",
        attention_output="mixer.out_proj",
        attention_norm="norm1",
        feed_in="mlp.fc1",
        feed_out="mlp.fc2",
        feed_norm="norm2",
        embedding_norm="emb_ln",
    ),
    positions_after_padding=True,
    in_sentence_transformers=False,
)

MPNET = Architecture(
    name="mpnet",
    builder="mpnet",
    head=Head(("classifier.dense", "classifier.out_proj"), "tanh"),
    token_types=False,
    names=Names(
        prefix="mpnet.",
        query="attention.attn.q",
        key="attention.attn.k",
        value="attention.attn.v",
        attention_output="attention.attn.o",
        attention_norm="attention.LayerNorm",
    ),
    positions_after_padding=True,
)

# Every layer of ALBERT has the same weights.
ALBERT = Architecture(
    name="albert",
    builder="post_norm",
    head=Head(("{}pooler", "classifier"), "tanh"),
    names=Names(
        prefix="albert.",
        layer="encoder.albert_layer_groups.0.albert_layers.0",
        query="attention.query",
        key="attention.key",
        value="attention.value",
        attention_output="attention.dense",
        attention_norm="attention.LayerNorm",
        feed_in="ffn",
        feed_out="ffn_output",
        feed_norm="full_layer_layer_norm",
        embedding_projection="encoder.embedding_hidden_mapping_in",
    ),
)

ERNIE = Architecture(
    name="ernie",
    builder="post_norm",
    head=Head(("{}pooler.dense", "classifier"), "tanh"),
    names=Names(prefix="ernie."),
)


def _gte(name: str, *, in_sentence_transformers: bool) -> Architecture:
    """Return one of the names of GTE: "new" in Alibaba-NLP's own folders, whose code is not run."""
    return Architecture(
        name=name,
        builder="gte",
        head=Head(("{}pooler.dense", "classifier"), "tanh"),
        names=Names(
            prefix=f"{name}.",
            query="attention.q_proj",
            key="attention.k_proj",
            value="attention.v_proj",
            packed="attention.qkv_proj",
            attention_output="attention.o_proj",
            attention_norm="attn_ln",
            feed_norm="mlp_ln",
        ),
        in_sentence_transformers=in_sentence_transformers,
    )


def _decoder(name: str) -> Architecture:
    """Return one of Qwen's decoders; `score` is the head of a sequence classification."""
    return Architecture(
        name=name,
        builder="decoder",
        head=Head(("score",), activation=None),
        kind="decoder",
        token_types=False,
    )


ARCHITECTURES: Mapping[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        BERT,
        _roberta("roberta"),
        _roberta("xlm-roberta"),
        _roberta("camembert"),
        ELECTRA,
        DISTILBERT,
        MODERNBERT,
        DEBERTA,
        _gte("new", in_sentence_transformers=False),
        _gte("gte", in_sentence_transformers=True),
        JINA_BERT,
        XLM_ROBERTA_FLASH,
        MPNET,
        ALBERT,
        ERNIE,
        _decoder("qwen2"),
        _decoder("qwen3"),
        LATE_JOIN,
    )
}
