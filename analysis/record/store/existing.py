"""Refuse a database that holds no record of MLflow, into which MLflow would write its tables."""

from __future__ import annotations

from pathlib import Path

from analysis.record.names import DATABASES, TABLES, lost_tables
from trainables.schema.text.masking import masked

LOCKED_S = 20.0  # for which a writer of an SQLite file is waited for


def refuse_no_record(tracking_uri: str) -> None:
    """Refuse the address of a database that is absent or lacks tables of MLflow.

    MLflow's client would create the file, or its tables in somebody else's database, which a reader
    must not. A server is left to it, and so is a database that gives no connection: it says why.

    Raises:
        ValueError: tracking_uri is such an address.
    """
    scheme = tracking_uri.partition(":")[0].partition("+")[0]
    if scheme not in DATABASES:
        return
    file = tracking_uri.partition(":///")[2].partition("?")[0]
    if scheme == "sqlite" and not Path(file).is_file():
        raise ValueError(
            f"there is no MLflow record at {masked(tracking_uri)}: the file does not exist; name the "
            "store that the sweep wrote to, such as sqlite:///mlflow.db or the address of a server."
        )
    from sqlalchemy import NullPool, create_engine, inspect
    from sqlalchemy.exc import DatabaseError

    try:
        options = {"timeout": LOCKED_S} if scheme == "sqlite" else {}
        engine = create_engine(tracking_uri, connect_args=options, poolclass=NullPool)
        tables = inspect(engine).get_table_names()
    except Exception as error:  # of SQLAlchemy, of the driver of a database, of one that is missing
        if scheme == "sqlite" and isinstance(error, DatabaseError):
            raise ValueError(
                f"{masked(tracking_uri)} cannot be read as an MLflow record: {error.orig}."
            ) from error
        return
    if lost := lost_tables(tables):
        raise ValueError(
            f"the MLflow record at {masked(tracking_uri)} must be whole, but lacks these tables: "
            f"{', '.join(lost)}; put a copy of the database back."
        )
    if TABLES[0] not in tables:
        raise ValueError(
            f"there is no MLflow record at {masked(tracking_uri)}: it has no table of experiments."
        )
