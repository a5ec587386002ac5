"""What a model of each architecture is: one record a family, read by all who need to know."""
