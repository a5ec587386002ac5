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
        LATE_JOIN,
    )
}
