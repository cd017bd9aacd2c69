"""The model zoo: trains frozen binary extractors in Larq and converts them for the device."""
