"""Published weights of others become Larq models; one file per origin.

The addresses and hashes of the files stand in the cards of the same names.
"""

from headfit_zoo.importers.by_name import IMPORTERS, Importer

__all__ = ["IMPORTERS", "Importer"]
