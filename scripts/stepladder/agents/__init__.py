"""Stage 06: the gate, the agents that answer, validate and write questions, the tournament bundle, the arena."""
