"""Training: a recipe says what, a trainer does it, a run directory keeps what came of it."""
