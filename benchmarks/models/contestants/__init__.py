"""Contestants of this benchmark alone; LABEL and load(work) as in benchmarks/speed/rivals/."""
