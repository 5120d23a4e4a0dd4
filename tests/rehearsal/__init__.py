"""The night on the big box, rehearsed: look-alikes behind a local hub, true-size stand-ins, and checks by name."""
