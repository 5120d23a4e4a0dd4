"""Language models in use: many requests at once, on llama.cpp or a server; memory plans, prompts, answer extraction."""
