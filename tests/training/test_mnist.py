"""The job as SageMaker sees it: argv and environment in; lines, files and an exit code out."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import loop
import mnist
from tests.training.conftest import TRAINING

LOSS = re.compile(r"\bloss = ([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?)")
ACCURACY = re.compile(r"\baccuracy = ([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?)")
SMALL = ["--batch_size", "10", "--dense_units", "16", "--training_steps", "12", "--evaluate_every", "5"]


@pytest.fixture(autouse=True)
def _environment(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def failure(base: Path) -> str:
    return (base / "output" / "failure").read_text()


def test_a_job_leaves_a_model_and_says_the_objective_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mnist.main([*SMALL, "--model_dir", "None/job/model"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text())
    losses, accuracies = LOSS.findall(out), ACCURACY.findall(out)
    assert len(losses) == len(accuracies) == 3  # at steps 5, 10 and 12
    assert float(losses[-1]) == pytest.approx(metrics["validation"]["loss"])
    assert out.splitlines()[-2:] == [f"loss = {losses[-1]}", f"accuracy = {accuracies[-1]}"]
    assert (tmp_path / "model" / "1" / "saved_model.pb").is_file()
    assert not (tmp_path / "output" / "failure").exists()


def assert_fails_with_one_line(argv: list[str], base: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert mnist.main(argv) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err == failure(base) + "\n"
    return err


def test_an_unknown_hyperparameter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = assert_fails_with_one_line(["--lr", "0.1"], tmp_path, capsys)
    assert line.startswith("unknown hyperparameter 'lr'; the known ones are: learning_rate, momentum")


def test_a_missing_channel(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SM_CHANNEL_VALIDATION")
    line = assert_fails_with_one_line(SMALL, tmp_path, capsys)
    assert "SM_CHANNEL_VALIDATION" in line


def test_a_channel_without_shards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SM_CHANNEL_TRAIN", str(tmp_path))
    line = assert_fails_with_one_line(SMALL, tmp_path, capsys)
    assert line.startswith(f"{tmp_path} holds no *.tfrecord files")


def test_a_damaged_shard(
    tmp_path: Path, shards: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = next((shards / "train").glob("*.tfrecord")).read_bytes()
    damaged = bytearray(good)
    damaged[-100] ^= 255
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "a.tfrecord").write_bytes(bytes(damaged))
    monkeypatch.setenv("SM_CHANNEL_TRAIN", str(tmp_path / "damaged"))
    line = assert_fails_with_one_line(SMALL, tmp_path, capsys)
    assert line.startswith("a shard is damaged: corrupted record")


def test_divergence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wild = ["--learning_rate", "10", "--momentum", "0.99", *SMALL, "--training_steps", "300"]
    line = assert_fails_with_one_line(wild, tmp_path, capsys)
    assert "training diverged with learning_rate=10 and momentum=0.99" in line
    assert not (tmp_path / "model" / "1").exists()


def test_a_bug_keeps_its_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "build", lambda *_: [][1])
    assert mnist.main(SMALL) == 1
    assert "Traceback" in capsys.readouterr().err
    assert failure(tmp_path).startswith("IndexError: list index out of range\n")
    assert "loop.py" in failure(tmp_path)


def test_sigterm_saves_the_model_and_the_job_can_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def say(line: str) -> None:
        if line.startswith("step 1/"):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(mnist, "say", say)
    code = mnist.main(SMALL)
    monkeypatch.setattr(mnist, "say", print)
    assert code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    assert (tmp_path / "model" / "1" / "saved_model.pb").is_file()
    assert json.loads((tmp_path / "model" / "metrics.json").read_text())["step"] == 1
    assert not (tmp_path / "output" / "failure").exists()

    assert mnist.main(SMALL) == 0
    out = capsys.readouterr().out
    assert "resumed from the checkpoint of step 1\n" in out
    assert json.loads((tmp_path / "model" / "metrics.json").read_text())["step"] == 12


def test_the_script_as_a_process_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, str(TRAINING / "mnist.py"), *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(LOSS.findall(done.stdout)) == 3


def test_a_bad_setting_is_refused_before_tensorflow_is_imported() -> None:
    code = "import sys, mnist; sys.exit(mnist.main(['--seed', 'x']) + 10 * ('tensorflow' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=TRAINING, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
