"""Derivatives of what an equation defines: of equilibria, and of solutions of any inclusion."""
