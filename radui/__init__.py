"""radui: chest X-ray report generation by four published systems on one page."""

__version__ = "0.1.0"
