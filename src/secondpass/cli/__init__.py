"""The command: one file for each subcommand, loaded when it is called."""

# The exit status of a command that was interrupted.
INTERRUPTED = 130
# By this variable of the environment a shell asks for completions.
COMPLETION_VARIABLE = "_SECONDPASS_COMPLETE"
