"""Blind ratings on disk: one SQLite file, its pictures beside it; knows no model and no page."""
