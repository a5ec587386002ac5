"""recipe.toml is read whole."""

import pytest

from recipes.embedded.settings import RECIPE, TEACHERS, read_settings


def test_every_kind_of_query_has_a_weight_for_every_teacher():
    settings = read_settings()
    kinds = {source.kind for source in settings.sources.values()} | {"long"}
    assert settings.ensemble.weights.keys() == kinds
    assert all(len(weights) == len(TEACHERS) for weights in settings.ensemble.weights.values())


def test_a_file_that_the_recipe_does_not_name_is_documentation():
    settings = read_settings()
    assert settings.source("perl_docs") == settings.other_sources
    assert settings.source("nqopen").kind == "web"


def test_a_setting_that_is_not_known_is_refused(tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text(RECIPE.read_text().replace("groups = 64", "grups = 64"))
    with pytest.raises(TypeError, match="grups"):
        read_settings(file)
