"""Published weights of others under the names of our layers; one file per origin.

The addresses and hashes of the files stand in the cards of the same names.
"""

from headfit_zoo.importers.by_name import IMPORTERS, Importer, Read, Shapes

__all__ = ["IMPORTERS", "Importer", "Read", "Shapes"]
