"""How good a head is, as one page: what is measured, how it is drawn, how it is written."""

from headfit.report.measures import Report, measure_head
from headfit.report.page import write_page

__all__ = ["Report", "measure_head", "write_page"]
