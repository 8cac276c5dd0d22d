"""A database and a stand-in for Argo Server, and runs that are submitted in the web and in the Argo UI."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from backtest.run.request import RunRequest
from qa.examples import REQUEST
from store.models import Run
from store.queries import runs
from tests.workflows import argo_server
from workflows.cluster import parameters
from workflows.cluster.argo_client import Argo, name_of
from workflows.cluster.dispatcher import ClusterLimits, Dispatcher
from workflows.cluster.reconciler import Reconciler
from workflows.cluster.workflow_messages import WorkflowMessages
from workflows.submission import submit

BY_HAND = {
    "symbols": "SP500",
    "rule_type": "MOVING_AVERAGE_CROSS",
    "params": '{"fast": 10, "slow": 30}',
    "start_date": "2017-01-03",
    "end_date": "2018-12-31",
}


class NoLauncher:
    """A web that is killed after the commit."""

    def launch(self, run_id):
        pass


class ClusterEnvironment:
    """What tests of the cluster's side need around them."""

    def __init__(self, environment, server, *, limit=10, study_pods=5, pods_of_studies=10):
        self.environment, self.server, self.database = environment, server, environment.database
        self.settings = replace(
            environment.settings,
            launcher_mode="K8S",
            argo_server=server.address,
            argo_token=argo_server.TOKEN,
            argo_namespace=argo_server.NAMESPACE,
            max_running_workflows=limit,
            study_pods=study_pods,
            max_study_pods=pods_of_studies,
        )
        self.argo = Argo(self.settings)
        self.dispatcher = Dispatcher(self.database, self.argo, limit=limit)
        self.messages = WorkflowMessages(self.settings, self.argo)
        limits = ClusterLimits.of(self.settings)
        self.reconciler = Reconciler(self.database, self.argo, self.messages, limits)

    def submit(self, launcher=None, **changes):
        return submit(
            REQUEST | changes,
            settings=self.settings,
            database=self.database,
            launcher=launcher or NoLauncher(),
        )

    def submit_many(self, count):
        """Runs that were submitted one second after the other, the oldest first."""
        ids = [self.submit() for _ in range(count)]
        begun = datetime.now(UTC) - timedelta(minutes=10)
        with self.database.write() as session:
            for number, run_id in enumerate(ids):
                at = begun + timedelta(seconds=number)
                session.execute(update(Run).where(Run.run_id == run_id).values(created_at=at))
        return ids

    def by_hand(self, *, name="by-hand", run_id="", **changes):
        """A workflow that was submitted in the Argo UI; its uid."""
        uid = str(uuid.uuid4())
        arguments = BY_HAND | changes | {"run_id": run_id}
        listed = [{"name": key, "value": value} for key, value in arguments.items()]
        label = parameters.run_id_of(run_id, uid)  # what the template's expression gives
        self.server.workflows[name] = {
            "metadata": {"name": name, "uid": uid, "labels": {"app": "backtest", "run_id": label}},
            "spec": {"workflowTemplateRef": {"name": "backtest"}, "arguments": {"parameters": listed}},
        }
        self.server.touch(name)
        return uid

    def get(self, run_id):
        with self.database.read() as session:
            return runs.get(session, run_id)

    def status(self, run_id):
        return self.get(run_id).status

    def move(self, run_id, phase, **more):
        self.server.move(name_of(run_id), phase, **more)

    def succeed_in_the_database(self, run_id):
        """What the persist step would have done, as far as the reconciler can see it."""
        now = datetime.now(UTC)
        with self.database.write() as session:
            runs.start(session, run_id, engine_version=1, now=now)
            runs.succeed(session, run_id, now=now)

    def submitted_names(self):
        return [each["metadata"]["name"] for each in self.server.workflows.values()]


def pod(template, phase, *, message="", started="2026-01-05T12:00:00Z", finished="2026-01-05T12:00:05Z"):
    return {
        "type": "Pod",
        "templateName": template,
        "phase": phase,
        "message": message,
        "startedAt": started,
        "finishedAt": finished,
    }


def arguments_of(**changes):
    """The workflow arguments of a request, as the dispatcher writes them."""
    return parameters.arguments_of(RunRequest.parse(REQUEST | changes).as_json(), {})
