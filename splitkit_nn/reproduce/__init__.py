"""The paper's tables and figures again, from the runs that are there."""
