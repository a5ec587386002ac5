"""How the embedded cross-encoder was made: recipe.toml, and the steps of gpu.sh that read it."""
