"""The paper's table measured with our own parts, and what goes beyond it."""

from headfit_zoo.experiments import hardware, transfer
from headfit_zoo.experiments.report import write_report
from headfit_zoo.experiments.results import load_results
from headfit_zoo.experiments.running import Experiment, run

__all__ = ["Experiment", "hardware", "load_results", "run", "transfer", "write_report"]
