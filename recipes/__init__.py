"""Recipes of the models that ship."""
