"""Where Buildozer looks: starts the app."""

from headfit_demo.__main__ import main

if __name__ == "__main__":
    main()
