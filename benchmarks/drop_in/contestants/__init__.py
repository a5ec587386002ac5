"""Who is timed, each in a process: LABEL and load(work) as in benchmarks/speed/rivals/."""
