"""The script with one import changed."""

LABEL = "secondpass {secondpass}, one import changed"


def load(work):
    from benchmarks.drop_in.scripts import OURS, script

    ours = script(OURS)
    model = ours.load(work.model)
    return lambda query, texts: ours.score(model, query, texts), ""
