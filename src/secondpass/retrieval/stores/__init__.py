"""Where documents and vectors are kept, one file a store; `contract` is what all are."""
