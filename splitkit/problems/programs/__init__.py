"""Programs that solve themselves: what ``QP``, ``LP`` and ``ConicProgram`` are made of."""
