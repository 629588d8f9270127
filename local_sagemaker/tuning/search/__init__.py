"""Search strategies: pure functions of a search space, the recorded history and a seed."""
