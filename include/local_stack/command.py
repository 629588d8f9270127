"""What `make run`, `make up` and `make down` do."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from include.errors import ProjectError
from include.local_stack import leftovers, outcome
from include.local_stack.abandon import abandon, abandon_leftovers
from include.local_stack.airflow_api import new_run_id
from include.local_stack.choice import choose_params
from include.local_stack.config import ROOT, USER, StackConfig
from include.local_stack.processes import check_alive
from include.local_stack.signals import undisturbed
from include.local_stack.stack import Stack
from include.local_stack.watch import Watch


class _Narrator:
    """Prints lines with the time since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def elapsed(self) -> str:
        seconds = int(time.monotonic() - self._start)
        return f"{seconds // 60}:{seconds % 60:02d}"

    def __call__(self, line: str) -> None:
        print(f"{self.elapsed:>6}  {line}", flush=True)


def main(argv: list[str] | None = None) -> int:
    """0 when all went well; 1 with one line on stderr for a user's mistake or a failed run."""
    given = _parser().parse_args(argv)
    config = StackConfig(
        state=given.state.absolute(),
        airflow_port=given.airflow_port,
        sagemaker_port=given.sagemaker_port,
        mirrors=os.environ.get("TUNING_DATASET_MIRRORS", ""),
    )
    say = _Narrator()
    try:
        if given.command == "down":
            return _down(config)
        stack = Stack(config)
        return _up(stack, say) if given.command == "up" else _run(stack, given, say)
    except ProjectError as error:
        print(f"\nfailed: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.local_stack", description=__doc__)
    parser.add_argument("command", choices=("run", "up", "down"))
    parser.add_argument("--state", type=Path, default=ROOT / ".local", help="folder (default: .local)")
    parser.add_argument("--airflow-port", type=int, default=8080, help="default: %(default)s")
    parser.add_argument("--sagemaker-port", type=int, default=4599, help="default: %(default)s")
    parser.add_argument("--dataset", default="", help="mnist, fashion-mnist, kmnist or digits")
    parser.add_argument("--source", default="", help="folder, URL or S3 prefix with the four IDX files")
    parser.add_argument("--params", default="", help="the DAG's Params as a JSON object")
    return parser


def _down(config: StackConfig) -> int:
    stack = Stack.running(config)
    if stack:
        stack.stop()
    left = leftovers.end(config.sagemaker_state)
    print("stopped" if stack or left else "nothing is running")
    return 0


def _up(stack: Stack, say: _Narrator) -> int:
    try:
        stack.start(say)
    except BaseException:
        stack.stop()
        raise
    config = stack.config
    print(f"\nAirflow        {config.airflow_url}  (login {USER}, password {config.password()})")
    print(f"SageMaker, S3  http://127.0.0.1:{config.sagemaker_port}  (keys in {config.sagemaker_state})")
    print("Stop it with   make down")
    return 0


def _run(stack: Stack, given: argparse.Namespace, say: _Narrator) -> int:
    mirrors = stack.config.mirrors.replace(",", " ").split()
    params = choose_params(given.dataset, given.source, given.params, mirrors, say)
    try:
        stack.start(say)
        abandon_leftovers(stack, say)
        run_id = new_run_id()
        try:
            _finish(stack, run_id, params, say)
        except BaseException:
            with undisturbed():
                abandon(stack, run_id)
            raise
    finally:
        stack.stop()
    return 0


def _finish(stack: Stack, run_id: str, params: dict[str, Any], say: _Narrator) -> None:
    api = stack.api()
    api.trigger(params, run_id)
    say(f"triggered mnist_tuning, run {run_id}")
    watch = Watch(api, run_id, stack.client("sagemaker"), say)
    watch.until_success(lambda: check_alive(stack.components))
    best = api.result(run_id, "extract_best_model")
    say("testing the best model on the held-out test split")
    s3 = stack.client("s3")
    model = outcome.fetch_model(s3, best, stack.config.state / "best")
    _show(best, outcome.test_model(s3, best, model), model, say)


def _show(best: dict[str, Any], test: dict[str, Any], model: Path, say: _Narrator) -> None:
    chosen = ", ".join(f"{name} {value}" for name, value in best["hyperparameters"].items())
    print("", *outcome.table(best), "", sep="\n")
    print(f"best model     {chosen}")
    print(f"               {best['metric']['name']} {best['metric']['value']:.4f} on the validation split")
    print(f"test accuracy  {test['accuracy']:.2%} of {test['examples']} held-out images")
    print(f"in S3          {best['artifact']}")
    print(f"on this disk   {model}")
    print(f"took           {say.elapsed}")
