"""``python -m headfit_zoo``."""

from headfit_zoo.cli import main

main()
