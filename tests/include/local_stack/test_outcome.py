"""The table that a run ends with."""

from include.local_stack.outcome import table

BEST = {
    "tuning_job": "mnist-tuning-1",
    "metric": {"name": "loss"},
    "leaderboard": [
        {
            "training_job": "mnist-tuning-1-002-abcdef01",
            "status": "Completed",
            "value": 0.03261,
            "seconds": 61.25,
            "hyperparameters": {"learning_rate": "0.08739783865765638", "optimizer": "sgd"},
        },
        {
            "training_job": "mnist-tuning-1-001-abcdef02",
            "status": "Failed",
            "value": None,
            "seconds": None,
            "hyperparameters": {"learning_rate": "0.2", "optimizer": "adam"},
        },
    ],
}


def test_the_table_has_a_line_a_trial_and_aligned_columns() -> None:
    assert table(BEST) == [
        "trial  learning_rate  optimizer    loss  seconds     status",
        "  002       0.087398        sgd  0.0326     61.2  Completed",
        "  001            0.2       adam       -        -     Failed",
    ]
