"""Stepladder: reasoning steps, climbed from easy to hard. A room a stage, and three shared ones."""

__version__ = "0.1.0"
