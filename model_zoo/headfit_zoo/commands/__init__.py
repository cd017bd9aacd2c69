"""The ``headfit-zoo`` command: a file for each group of subcommands."""
