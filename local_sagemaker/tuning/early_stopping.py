"""TrainingJobEarlyStoppingType Auto: the median rule, a pure function of the curves recorded so far.

SageMaker's developer guide, "Stop Training Jobs Early": after an epoch, the running averages of all earlier training
jobs up to that epoch are taken, then their median; a job whose current value is worse is stopped. Its grace rules are
not published; these are Syne Tune's defaults and may be changed here.
"""

from statistics import median

from local_sagemaker.tuning.curves import Curve, Curves, Stop

GRACE_TRIALS = 5
"""No trial is stopped before so many earlier ones have reached the same epoch."""
GRACE_EPOCHS = 1
"""No trial is stopped in its first epochs, this many."""


def decide(
    curve: Curve, others: Curves, grace_trials: int = GRACE_TRIALS, grace_epochs: int = GRACE_EPOCHS
) -> Stop | None:
    """Whether the trial of `curve` should stop after its latest epoch, given the other trials of its definition."""
    epoch = curve.epochs
    earlier = [other for other in others if other.trial < curve.trial and other.epochs >= epoch]
    if epoch <= grace_epochs or len(earlier) < grace_trials:
        return None
    middle = median(other.running_average(epoch) for other in earlier)
    if curve.losses[-1] <= middle:
        return None
    return Stop(
        curve.trial,
        f"its value {curve.shown(curve.losses[-1])} after epoch {epoch} is worse than {curve.shown(middle)}, the "
        f"median of the running averages of {len(earlier)} earlier trials up to that epoch",
    )
