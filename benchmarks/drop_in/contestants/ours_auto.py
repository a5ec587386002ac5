"""The script with one import changed, and the precision left to the processor."""

LABEL = 'secondpass {secondpass}, one import changed, precision="auto"'


def load(work):
    from benchmarks.drop_in.scripts import OURS, script

    ours = script(OURS)
    model = ours.load(work.model, precision="auto")
    detail = f"{model.info.arithmetic} arithmetic"
    return lambda query, texts: ours.score(model, query, texts), detail
