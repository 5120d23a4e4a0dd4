"""Stage 04: 4-bit loading, data path, schedule, guard, checkpoints and export of the student's LoRA adapter."""
