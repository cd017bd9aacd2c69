"""Run a notebook and write it with what it showed: ``python run.py NOTEBOOK OUT``."""

from __future__ import annotations

import sys
import tempfile

import matplotlib.font_manager  # noqa: F401 - it lists fonts here, not in a cell that says so
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], 4)
with tempfile.TemporaryDirectory() as folder:
    resources = {"metadata": {"path": folder}}
    NotebookClient(notebook, timeout=600, record_timing=False, resources=resources).execute()
for cell in notebook.cells:
    cell.metadata.pop("execution", None)
nbformat.write(notebook, sys.argv[2])
