"""Everything that can go wrong between a submission and its stored result."""

from __future__ import annotations

from backtest.errors import InvalidRequest


class WorkflowError(Exception):
    """The base of all errors of running a backtest."""


class LimitExceeded(InvalidRequest):
    """A request that asks for more than one run may; names the field, what was asked and what is allowed."""


class BundleError(WorkflowError):
    """A result bundle that must not be stored; says which file and what is wrong with it."""


class BundleMissing(BundleError):
    """There is no complete bundle: the engine step did not finish writing it."""


class BundleFileMissing(BundleError):
    """The manifest names a file that is not there."""


class BundleTruncated(BundleError):
    """A file is shorter than the manifest says."""


class BundleAltered(BundleError):
    """A file, or the manifest itself, is not what the engine step wrote."""


class BundleContradicted(BundleError):
    """The summary of a result is not that of its tables, of the run or of its prices."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the tables of the result are not those of its summary ({reason})")


class BundleTooLarge(BundleError):
    """The result is larger than results may be."""


class RunDiffers(WorkflowError):
    """A workflow carries the id of a run that it must not end; says why, for the person in Argo."""


class LaunchRefused(WorkflowError):
    """A launcher cannot start a run and will not later; the text says why, for the submitter."""


class ForkServerDied(WorkflowError):
    """The process that forks the steps is gone, and all steps with it."""


class ParserBusy(WorkflowError):
    """As many files are read, or formulas previewed, as one process does at once."""


class ParserFailed(WorkflowError):
    """A file or formula could not be read by a mistake of ours; the log has the reason."""


class PreviewRefused(WorkflowError):
    """Formulas that cannot be previewed, though a run may execute them; the text says why."""
