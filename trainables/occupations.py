"""Who works in an occupation: the labour statistics that are published with Winogender."""

from trainables import assets
from trainables.records import records


def share_of_women() -> dict[str, float]:
    """Percentage of women in each occupation (US Bureau of Labor Statistics, 2015 and 2016)."""
    path = assets.resolve("winogender") / "occupations-stats.tsv"
    rows = records(path, "occupation", "bls_pct_female")
    return {row["occupation"]: float(row["bls_pct_female"]) for row in rows}
