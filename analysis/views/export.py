"""Write a front to a folder: tables, pictures, and a trial YAML of each member that runs unchanged."""

import logging
import re
import tempfile
from pathlib import Path

from analysis.record.candidate import Candidate
from analysis.record.mlflow_client import NotDelivered
from analysis.record.names import TRIAL_COMMENT, Artifact
from analysis.record.reader import read_trial_yaml
from analysis.record.sweep import Sweep
from analysis.views import front_html, front_png
from analysis.views.front_files import to_csv, to_json

log = logging.getLogger(__name__)


def write(sweep: Sweep, out_dir: Path, /) -> list[Path]:
    """Write the front of a sweep into a folder and return the paths of the files.

    These are front.json, front.csv, front.png, front.html and, for each member but the base model,
    NAME-0007.yaml, the first trial of its recipe, or NAME-0007-alpha0.25.yaml at another α, or
    NAME-0007-step50.yaml in mid-training. Each file
    appears whole or not at all. A second call replaces the files of the first. It deletes the trial
    files of members that have left the front, and no other file. Of a member whose configuration the
    store lacks there is a warning and no YAML.

    Raises:
        ValueError: the name of the sweep cannot be the name of a file.
        OSError: the folder cannot be written.
    """
    if Path(sweep.name).name != sweep.name:
        raise ValueError(
            f"the name of a sweep must be usable as the name of a file, but got {sweep.name!r}; "
            "read its front with to_json or to_csv."
        )
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir, prefix=".front-") as folder:
        staged = Path(folder)
        draw(sweep, staged)
        for row in sweep.front().to_dict("records"):
            member = Candidate.of(row)
            suffix = "" if member.step is None else f"-step{member.step}"
            suffix += "" if member.alpha is None else f"-alpha{member.alpha:g}"
            path = staged / f"{sweep.name}-{member.trial:04d}{suffix}.yaml"
            try:
                path.write_bytes(read_trial_yaml(sweep, member).encode())
            except NotDelivered as error:
                log.warning("%s", error)
        written = [path.replace(out_dir / path.name) for path in sorted(staged.iterdir())]
    trial_file = re.compile(re.escape(sweep.name) + r"-\d{4,}(-step\d+)?(-alpha[\d.e-]+)?\.yaml")
    for path in out_dir.iterdir():
        if trial_file.fullmatch(path.name) and path not in written and _is_of_a_sweep(path):
            path.unlink()
    return written


def draw(sweep: Sweep, folder: Path, /) -> None:
    """Write front.json, front.csv, front.png and front.html into an existing folder."""
    (folder / "front.json").write_text(to_json(sweep), encoding="utf-8")
    (folder / "front.csv").write_text(to_csv(sweep), encoding="utf-8", newline="")
    front_png.front_png(sweep, folder / "front.png")
    front_html.front_html(sweep, folder / Artifact.FRONT_PAGE)


def _is_of_a_sweep(path: Path) -> bool:
    """Return whether a sweep wrote this trial file; its first line says so.

    A file of the same name without that line is a user's own.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().startswith(TRIAL_COMMENT)
