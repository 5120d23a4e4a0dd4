"""The agents by the organisers' names: QAgent writes questions, AAgent answers them."""
