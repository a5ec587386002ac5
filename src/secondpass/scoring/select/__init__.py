"""Of a long text, the sentences nearest to the query."""
