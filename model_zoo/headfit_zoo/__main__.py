"""``python -m headfit_zoo``."""

from headfit_zoo.commands.main import main

main()
