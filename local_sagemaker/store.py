"""The service's only state: one SQLite file, written here and nowhere else. Illegal status changes are refused here.

Times are seconds since the epoch. Every method is one transaction and may be called from any thread.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from local_sagemaker.errors import IllegalTransitionError
from local_sagemaker.records import (
    TRAINING_TRANSITIONS,
    TUNING_TRANSITIONS,
    Metric,
    TrainingJob,
    Transition,
    TuningJob,
)
from local_sagemaker.selection import Selection

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tuning_job (
    name TEXT PRIMARY KEY COLLATE NOCASE, arn TEXT NOT NULL, request TEXT NOT NULL, seed INTEGER NOT NULL,
    created REAL NOT NULL, modified REAL NOT NULL, status TEXT NOT NULL, ended REAL, failure_reason TEXT);
CREATE TABLE IF NOT EXISTS training_job (
    name TEXT PRIMARY KEY COLLATE NOCASE, arn TEXT NOT NULL, request TEXT NOT NULL, created REAL NOT NULL,
    modified REAL NOT NULL, tuning_job TEXT COLLATE NOCASE, trial INTEGER NOT NULL, tuned TEXT NOT NULL,
    status TEXT NOT NULL, secondary_status TEXT NOT NULL, started REAL, ended REAL, failure_reason TEXT,
    objective_status TEXT, objective REAL, log_position INTEGER NOT NULL, transitions TEXT NOT NULL,
    UNIQUE (tuning_job, trial));
CREATE INDEX IF NOT EXISTS training_job_status ON training_job (status);
CREATE INDEX IF NOT EXISTS training_job_created ON training_job (created, name);
CREATE TABLE IF NOT EXISTS metric (
    training_job TEXT NOT NULL COLLATE NOCASE, position INTEGER NOT NULL, name TEXT NOT NULL, value REAL NOT NULL,
    time REAL NOT NULL);
CREATE INDEX IF NOT EXISTS metric_of ON metric (training_job, name, position);
CREATE TABLE IF NOT EXISTS tag (
    arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key));
"""
# Columns that came after the tables; a state folder of an older version gets them when it is opened.
_LATER_COLUMNS = (("tuning_job", "ending", "TEXT NOT NULL DEFAULT 'null'"),)
_JSON_COLUMNS = {"request", "tuned", "transitions", "ending"}


class Store:
    """All jobs, metrics and tags below one path."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        with self._lock, self._db:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            self._add_later_columns()

    def close(self) -> None:
        """Close the file; no method may be called afterwards."""
        with self._lock:
            self._db.close()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold every other thread off, for a change that depends on what was read before it."""
        with self._lock:
            yield

    # Tuning jobs

    def add_tuning_job(self, job: TuningJob, tags: dict[str, str]) -> bool:
        """Record a new job and its tags; False, and nothing recorded, if its name is taken (whatever the case)."""
        return self._insert("tuning_job", asdict(job), job.arn, tags)

    def tuning_job(self, name: str) -> TuningJob | None:
        """The job called `name`, whatever the case."""
        rows = self._rows("SELECT * FROM tuning_job WHERE name = ?", (name,))
        return _tuning_job(rows[0]) if rows else None

    def tuning_jobs(self, statuses: Sequence[str] = ()) -> list[TuningJob]:
        """Every job, oldest first, or those in one of `statuses`."""
        where, values = _in("status", statuses)
        return [_tuning_job(row) for row in self._rows(f"SELECT * FROM tuning_job{where} ORDER BY created", values)]

    def find_tuning_jobs(self, selection: Selection) -> list[TuningJob]:
        """The jobs of one page; no other row is read into memory."""
        return [_tuning_job(row) for row in self._rows(*selection.sql("tuning_job"))]

    def update_tuning_job(self, name: str, now: float, **changes: Any) -> TuningJob:
        """Change members of a job. Raises IllegalTransitionError for a status that can't follow the present one."""
        with self._lock:
            job = self.tuning_job(name)
            assert job is not None
            _check_transition(TUNING_TRANSITIONS, job.status, changes.get("status"), name)
            changed = replace(job, modified=now, **changes)
            self._update("tuning_job", asdict(changed))
            return changed

    def delete_tuning_job(self, name: str) -> None:
        """Forget a job that has ended, and its tags; its trials stay, as training jobs of their own.

        Raises IllegalTransitionError for a job that has not ended.
        """
        with self._lock, self._db:
            job = self.tuning_job(name)
            assert job is not None
            if job.active:
                raise IllegalTransitionError(f"{name} can't go from {job.status} to Deleting.")
            self._db.execute("UPDATE training_job SET tuning_job = NULL WHERE tuning_job = ?", (name,))
            self._db.execute("DELETE FROM tag WHERE arn = ?", (job.arn,))
            self._db.execute("DELETE FROM tuning_job WHERE name = ?", (name,))

    # Training jobs

    def add_training_job(self, job: TrainingJob, tags: dict[str, str]) -> bool:
        """Record a new job and its tags; False, and nothing recorded, if its name or trial number is taken."""
        return self._insert("training_job", asdict(job), job.arn, tags)

    def training_job(self, name: str) -> TrainingJob | None:
        """The job called `name`, whatever the case."""
        rows = self._rows("SELECT * FROM training_job WHERE name = ?", (name,))
        return _training_job(rows[0]) if rows else None

    def training_jobs(self, statuses: Sequence[str] = (), tuning_job: str | None = None) -> list[TrainingJob]:
        """Jobs by age, then trial number; those in one of `statuses`, those of one tuning job."""
        where, values = _in("status", statuses)
        if tuning_job is not None:
            where += f" {'AND' if where else 'WHERE'} tuning_job = ?"
            values = (*values, tuning_job)
        rows = self._rows(f"SELECT * FROM training_job{where} ORDER BY created, trial", values)
        return [_training_job(row) for row in rows]

    def trial_names(self, tuning_job: str) -> list[str]:
        """The names of a tuning job's trials, by their numbers."""
        query = "SELECT name FROM training_job WHERE tuning_job = ? ORDER BY trial"
        return [row["name"] for row in self._rows(query, (tuning_job,))]

    def named_training_jobs(self, names: Sequence[str]) -> list[TrainingJob]:
        """Those of the jobs of these names that are there."""
        where, values = _in("name", names)
        return [_training_job(row) for row in self._rows(f"SELECT * FROM training_job{where}", values)] if names else []

    def find_training_jobs(self, selection: Selection) -> list[TrainingJob]:
        """The jobs of one page; no other row is read into memory."""
        return [_training_job(row) for row in self._rows(*selection.sql("training_job"))]

    def update_training_job(self, name: str, now: float, **changes: Any) -> TrainingJob:
        """Change members of a job. Raises IllegalTransitionError for a status that can't follow the present one."""
        with self._lock:
            job = self.training_job(name)
            assert job is not None
            _check_transition(TRAINING_TRANSITIONS, job.status, changes.get("status"), name)
            changed = replace(job, modified=now, **changes)
            self._update("training_job", asdict(changed))
            return changed

    def delete_training_job(self, name: str) -> bool:
        """Forget a job that has ended, its metrics and its tags; False, and nothing forgotten, if it has not."""
        with self._lock, self._db:
            job = self.training_job(name)
            if job is None or job.active:
                return False
            self._db.execute("DELETE FROM metric WHERE training_job = ?", (job.name,))
            self._db.execute("DELETE FROM tag WHERE arn = ?", (job.arn,))
            self._db.execute("DELETE FROM training_job WHERE name = ?", (job.name,))
            return True

    def count_by_status(self, tuning_job: str) -> dict[tuple[str, str | None, bool], int]:
        """How many trials a tuning job has of each (status, objective status, whether the service failed them)."""
        query = (
            "SELECT status, objective_status, ifnull(failure_reason LIKE 'InternalServerError:%', 0) AS internal, "
            "count(*) FROM training_job WHERE tuning_job = ? GROUP BY status, objective_status, internal"
        )
        return {(row[0], row[1], bool(row[2])): row[3] for row in self._rows(query, (tuning_job,))}

    def best_trial(self, tuning_job: str, maximise: bool) -> TrainingJob | None:
        """The trial with the best objective value among those evaluated; the earlier one of equals."""
        order = "DESC" if maximise else "ASC"
        query = (
            "SELECT * FROM training_job WHERE tuning_job = ? AND objective_status = 'Succeeded' "
            f"ORDER BY objective {order}, trial LIMIT 1"
        )
        rows = self._rows(query, (tuning_job,))
        return _training_job(rows[0]) if rows else None

    def outcomes(self, tuning_job: str) -> list[tuple[float, float]]:
        """(end, final objective value) of every evaluated trial of a tuning job, in the order in which they ended."""
        query = (
            "SELECT ended, objective FROM training_job WHERE tuning_job = ? AND objective_status = 'Succeeded' "
            "ORDER BY ended, trial"
        )
        return [(row["ended"], row["objective"]) for row in self._rows(query, (tuning_job,))]

    # Metrics

    def add_log_progress(self, name: str, position: int, metrics: Iterable[Metric], now: float) -> None:
        """Record the metrics read from a job's log up to byte `position`: both or neither, so none counts twice."""
        with self._lock, self._db:
            self._db.executemany(
                "INSERT INTO metric VALUES (?, ?, ?, ?, ?)",
                [(name, position, metric.name, metric.value, metric.time) for metric in metrics],
            )
            self._db.execute(
                "UPDATE training_job SET log_position = ?, modified = ? WHERE name = ?", (position, now, name)
            )

    def forget_log(self, name: str, now: float) -> None:
        """Drop the metrics of a job that has to run again from its first line."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM metric WHERE training_job = ?", (name,))
            self._db.execute("UPDATE training_job SET log_position = 0, modified = ? WHERE name = ?", (now, name))

    def metrics(self, training_job: str, name: str) -> list[Metric]:
        """The values that a job printed of one metric, in order."""
        query = "SELECT name, value, time FROM metric WHERE training_job = ? AND name = ? ORDER BY position, rowid"
        return [Metric(*row) for row in self._rows(query, (training_job, name))]

    def curves(self, tuning_job: str, name: str, trials: Sequence[int]) -> dict[int, list[Metric]]:
        """The values that some trials of a tuning job printed of one metric, in order, by trial number."""
        query = (
            "SELECT trial, metric.name, value, time FROM training_job JOIN metric ON training_job = training_job.name "
            f"WHERE tuning_job = ? AND trial IN ({', '.join('?' for _ in trials)}) AND metric.name = ? "
            "ORDER BY trial, position, metric.rowid"
        )
        found: dict[int, list[Metric]] = {}
        for trial, *metric in self._rows(query, (tuning_job, *trials, name)):
            found.setdefault(trial, []).append(Metric(*metric))
        return found

    def last_metrics(self, training_job: str) -> list[Metric]:
        """The latest value of each metric of a job, by name."""
        query = (
            "SELECT name, value, time FROM metric WHERE rowid IN "
            "(SELECT max(rowid) FROM metric WHERE training_job = ? GROUP BY name) ORDER BY name"
        )
        return [Metric(*row) for row in self._rows(query, (training_job,))]

    # Tags

    def tags(self, arn: str) -> dict[str, str]:
        """A resource's tags, by key."""
        return {row["key"]: row["value"] for row in self._rows("SELECT * FROM tag WHERE arn = ? ORDER BY key", (arn,))}

    def put_tags(self, arn: str, tags: dict[str, str]) -> None:
        """Add tags to a resource, or change their values."""
        with self._lock, self._db:
            self._put_tags(arn, tags)

    def has_arn(self, arn: str) -> bool:
        """Whether a job of either kind has this ARN."""
        query = "SELECT 1 FROM tuning_job WHERE arn = ? UNION SELECT 1 FROM training_job WHERE arn = ?"
        return bool(self._rows(query, (arn, arn)))

    # SQL

    def _add_later_columns(self) -> None:
        for table, column, declaration in _LATER_COLUMNS:
            known = {row["name"] for row in self._db.execute(f"PRAGMA table_info({table})")}
            if column not in known:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {declaration}")

    def _rows(self, query: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(query, tuple(values)).fetchall()

    def _insert(self, table: str, record: dict[str, Any], arn: str, tags: dict[str, str]) -> bool:
        columns = ", ".join(record)
        marks = ", ".join("?" for _ in record)
        try:
            with self._lock, self._db:
                self._db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", _values(record))
                self._put_tags(arn, tags)
        except sqlite3.IntegrityError:
            return False
        return True

    def _update(self, table: str, record: dict[str, Any]) -> None:
        assignments = ", ".join(f"{column} = ?" for column in record)
        with self._lock, self._db:
            self._db.execute(f"UPDATE {table} SET {assignments} WHERE name = ?", (*_values(record), record["name"]))

    def _put_tags(self, arn: str, tags: dict[str, str]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", [(arn, *tag) for tag in tags.items()])


def _values(record: dict[str, Any]) -> list[Any]:
    return [json.dumps(value) if column in _JSON_COLUMNS else value for column, value in record.items()]


def _loaded(row: sqlite3.Row, kind: type[TuningJob] | type[TrainingJob]) -> dict[str, Any]:
    return {
        column.name: json.loads(row[column.name]) if column.name in _JSON_COLUMNS else row[column.name]
        for column in fields(kind)
    }


def _tuning_job(row: sqlite3.Row) -> TuningJob:
    return TuningJob(**_loaded(row, TuningJob))


def _training_job(row: sqlite3.Row) -> TrainingJob:
    members = _loaded(row, TrainingJob)
    members["transitions"] = tuple(Transition(**transition) for transition in members["transitions"])
    return TrainingJob(**members)


def _in(column: str, values: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    if not values:
        return "", ()
    return f" WHERE {column} IN ({', '.join('?' for _ in values)})", tuple(values)


def _check_transition(legal: dict[str, set[str]], before: str, after: str | None, name: str) -> None:
    if after is not None and after != before and after not in legal[before]:
        raise IllegalTransitionError(f"{name} can't go from {before} to {after}.")
