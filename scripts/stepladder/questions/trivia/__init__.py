"""Open questions (TriviaQA) become four-option questions: answers are shown, given a kind, and drawn as distractors."""
