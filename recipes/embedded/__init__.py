"""How the embedded cross-encoder was made: recipe.toml, and the steps that read it."""
