"""Amazon SageMaker's training and tuning API on one machine: it really trains and really tunes."""
