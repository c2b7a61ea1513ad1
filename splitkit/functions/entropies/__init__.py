"""Entropies, barriers, and their conjugates."""
