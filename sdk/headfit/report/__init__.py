"""How good a head is, as one page: what is measured, how it is drawn, how it is written."""

from headfit.report.curve import CurvePoint, learning_curve
from headfit.report.measures import Report, measure_head
from headfit.report.page import write_page

__all__ = ["CurvePoint", "Report", "learning_curve", "measure_head", "write_page"]
