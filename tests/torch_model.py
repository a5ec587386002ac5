"""A tiny random RemBERT: an architecture that has no graph builder and runs on torch."""

from __future__ import annotations

from pathlib import Path


def make_rembert(bert: Path, folder: Path) -> Path:
    """Write the model into `folder`, with the tiny BERT's tokenizer."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    torch.manual_seed(3)
    config = transformers.RemBertConfig(
        vocab_size=len(tokenizer),
        input_embedding_size=16,
        output_embedding_size=16,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.25,
        num_labels=1,
    )
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
