"""Weights to graph: builds OpenVINO models from safetensors and config, without torch."""
