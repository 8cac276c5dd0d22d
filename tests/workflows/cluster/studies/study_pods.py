"""The pods of a study as Argo runs them: plan, chunks, judge, persist, and the artifacts that it carries between them."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from unittest import mock

from qa.examples import SMALL_STUDY
from qa.harness.processes import ROOT
from store.queries.studies import chunks, studies
from workflows.cluster.studies import assignment, chunk_pod, executing, form, judge_pod, persist_pod, plan_pod
from workflows.steps.database import open_once
from workflows.studies import sharing, submission

JUDGED = {"bundle": "study", "parts": "parts", "part": "own", "result": "result"}
UID = "6c6b5ad2-9b42-4f3c-9f0e-0a4e1d2f3a4b"


class StudyPods:
    """Runs the steps of one workflow on one database; what Argo would carry lies in `folder`."""

    def __init__(self, environment, folder, monkeypatch):
        self._environment, self.folder, self._monkeypatch = environment, folder, monkeypatch
        self.settings = environment.settings
        self.termination_log = folder / "termination-log"
        self.workflows, self.as_processes = 0, False
        self.new_workflow()

    def new_workflow(self):
        """From here on another workflow executes: it finds no artifact of the one before."""
        self.workflows += 1
        self.uid = UID[:-1] + str(self.workflows)
        for name in ("study", "parts", "figures", "result", "pods", "count"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).unlink(missing_ok=True)
        for name in ("parts", "figures"):
            (self.folder / name).mkdir()
        self.termination_log.write_text("")

    def enqueue(self, *, chunks, **changes):
        """The id of a study that the web accepted, of so many chunks."""
        self._monkeypatch.setattr(submission, "chunks_of", lambda prepared, at_once: chunks)
        settings = self._environment.settings
        return submission.submit(
            SMALL_STUDY | changes, settings=settings, database=self._environment.database
        ).study_id

    def share(self, pods):
        """Have the plan step share what is missing among so many pods."""
        sharing_among = lambda _seconds, chunks, **_: min(pods, max(chunks, 1))  # noqa: E731
        self._monkeypatch.setattr(sharing, "pods_of", sharing_among)

    def plan(self, study_id, arguments=None, **environment):
        """The exit code of the plan step, of the workflow that the dispatcher or the Argo UI submits."""
        given = self.arguments_of(study_id) if arguments is None else arguments
        listed = [{"name": name, "value": value} for name, value in given.items()]
        files = (
            "--bundle",
            self.folder / "study",
            "--pods",
            self.folder / "pods",
            "--count",
            self.folder / "count",
        )
        workflow = ("--workflow-name", f"study-{self.workflows}", "--workflow-uid", self.uid)
        return self._run(
            plan_pod, study_id, *files, *workflow, PARAMETERS=json.dumps(listed), **environment
        )  # fmt: skip

    def planned(self, *, chunks, pods):
        """The id of a study that was planned."""
        study_id = self.enqueue(chunks=chunks)
        self.share(pods)
        self.plan(study_id)
        return study_id

    def computed(self, *, chunks, pods):
        """The id of a study of which every chunk was computed."""
        study_id = self.planned(chunks=chunks, pods=pods)
        for pod in self.numbers():
            self.chunk(study_id, pod)
        return study_id

    def begin(self, *, chunks, pods):
        """A study that was planned, what its workflow is to execute, and the prices."""
        study_id = self.planned(chunks=chunks, pods=pods)
        assigned = assignment.read(self.folder / "study", study_id)
        return study_id, assigned, executing.prices_of(self.settings, assigned)

    def arguments_of(self, study_id):
        """What the dispatcher gives."""
        study = self.get(study_id)
        return form.arguments_of(study_id, study.request, study.data_hashes)

    def numbers(self):
        """The pods that Argo starts."""
        return json.loads((self.folder / "pods").read_text())

    def chunk(self, study_id, pod, **environment):
        """The exit code of a chunk step."""
        files = ("--pod", pod, "--part", self.folder / "parts" / str(pod))
        return self._run(chunk_pod, study_id, "--bundle", self.folder / "study", *files, **environment)

    def judge(self, study_id, **environment):
        """The exit code of the judge step."""
        named = ((f"--{name}", self.folder / path) for name, path in JUDGED.items())
        given = [each for pair in named for each in pair]
        code = self._run(judge_pod, study_id, *given, **environment)
        if (own := self.folder / "own").exists():
            own.rename(self.folder / "parts" / "0")
        return code

    def persist(self, study_id, **environment):
        """The exit code of the persist step."""
        files = [(f"--{name}", self.folder / name) for name in ("parts", "result", "figures")]
        given = [each for pair in files for each in pair]
        return self._run(
            persist_pod, study_id, "--bundle", self.folder / "study", *given, "--workflow-uid", self.uid,
            **environment,
        )  # fmt: skip

    def execute(self, study_id, *, pods=1, lost=(), **more):
        """A whole workflow; the pods that are lost leave nothing. The study afterwards."""
        self.share(pods)
        assert self.plan(study_id, **more) == 0, self.termination_log.read_text()
        for pod in set(self.numbers()) - set(lost):
            assert self.chunk(study_id, pod) == 0
        assert self.judge(study_id) == 0
        assert self.persist(study_id) == 0
        return self.get(study_id)

    def get(self, study_id):
        with self._environment.database.read() as session:
            return studies.get(session, study_id)

    def summary(self, study_id):
        with self._environment.database.read() as session:
            return studies.summary_of(session, study_id)

    def failures(self, study_id):
        with self._environment.database.read() as session:
            return {each.number: each.error_code for each in chunks.failures(session, study_id)}

    def _variables(self, environment):
        return self._environment.environment(TERMINATION_LOG=str(self.termination_log)) | environment

    def _run(self, module, study_id, *more, **environment):
        arguments = ["--run-id", study_id, *map(str, more)]
        if self.as_processes:
            command = [sys.executable, "-m", module.__name__, *arguments]
            variables = os.environ | self._variables(environment)
            return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True).returncode
        with (
            mock.patch.dict(os.environ, self._variables(environment)),
            mock.patch("backtest.rules.allow_installed"),  # which holds for a whole process
        ):
            try:
                return module.main(arguments)
            finally:
                open_once(os.environ["DATABASE_URL"]).close()


def new_id():
    return str(uuid.uuid4())
