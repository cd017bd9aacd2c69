"""How good a head is, as one page: what is measured, how it is drawn, how it is written."""

from headfit.report.comparison import ComparedExtractor, write_comparison
from headfit.report.curve import CurvePoint, learning_curve, learning_curves
from headfit.report.measures import Report, measure_head
from headfit.report.multi_label import MultiLabelReport, measure_multi_label
from headfit.report.multi_label_page import write_multi_label_page
from headfit.report.page import write_page

__all__ = [
    "ComparedExtractor",
    "CurvePoint",
    "MultiLabelReport",
    "Report",
    "learning_curve",
    "learning_curves",
    "measure_head",
    "measure_multi_label",
    "write_comparison",
    "write_multi_label_page",
    "write_page",
]
