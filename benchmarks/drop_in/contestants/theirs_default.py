"""The script as it is: batches of 32."""

LABEL = "sentence-transformers {sentence-transformers}, torch {torch}, as it is"


def load(work):
    from benchmarks.drop_in.scripts import THEIRS, script

    theirs = script(THEIRS)
    model = theirs.load(work.model)
    return lambda query, texts: theirs.score(model, query, texts), ""
