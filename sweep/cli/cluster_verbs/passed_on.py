"""What of the command is passed on to a cluster, where everybody can read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.cli.options import WRONG, leave
from trainables.schema.text.masking import holds_secret

if TYPE_CHECKING:
    from sweep.remote.jobs import Options


def options_of(tracking_uri: str | None, storage: str | None, *, no_diff: bool) -> Options:
    """Return what is passed on to the cluster; addresses that are not given are those of `sweep use`.

    Raises:
        SystemExit: an address holds a secret; a sentence on stderr says where to put it.
    """
    from sweep.driver.cluster import open_clusters
    from sweep.remote import addresses
    from sweep.remote.jobs import Options

    kept = addresses.kept()
    uri = tracking_uri or (kept.tracking_uri if kept else None)
    database = storage or (kept.storage if kept else None)
    refuse_secrets(uri, database)
    return Options(uri, database, no_diff, insecure=open_clusters.are_allowed())


def refuse_secrets(tracking_uri: str | None, storage: str | None) -> None:
    """Exit with 2 and a sentence if an address that goes to a cluster holds a secret."""
    if tracking_uri and ("@" in tracking_uri or holds_secret(tracking_uri)):
        leave(
            WRONG,
            "--tracking-uri must hold no password or token, which everyone on the cluster could read: "
            "put it into ~/.mlflow/credentials of its nodes, and name the address without it (here "
            "MLFLOW_TRACKING_URI counts, too).",
        )
    if storage and holds_secret(storage):
        leave(
            WRONG,
            "--storage must hold no password or token, which everyone on the cluster could read: set "
            "OPTUNA_STORAGE in the environment of its head, and leave it out here.",
        )
