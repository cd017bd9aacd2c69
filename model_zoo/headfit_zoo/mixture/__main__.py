"""``python -m headfit_zoo.mixture``; docs/extractor-training.md leads through its commands."""

from headfit_zoo.mixture.command import main

if __name__ == "__main__":
    main()
