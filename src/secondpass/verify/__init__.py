"""Records of what was run and what came out, and the check that it comes out again."""
