"""The ``headfit`` command: a file for each group of subcommands."""
