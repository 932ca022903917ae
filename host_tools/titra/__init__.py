"""Titra host tools: drive, simulate and check a Titra syringe pump. Bench equipment only."""

__version__ = "0.1.0"
