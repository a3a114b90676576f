"""Measured ratios: each against what a user would run instead, both in one run on one machine."""
