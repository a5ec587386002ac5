"""One file a rival, three names in each: LABEL, load(work), and what load returns: rerank.

Two more where they are needed: CALLS, how often each list is asked, the last of which is timed; and
INCOMPARABLE, why its order says nothing beside the others'.
"""
