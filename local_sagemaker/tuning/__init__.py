"""Tuning jobs: what to try next, when a job is over, and the controller that does it."""
