"""The command: one file for each subcommand, loaded when it is called."""

# The exit status of a command that was interrupted.
INTERRUPTED = 130
