"""A front to take home: tables, pictures, and a trial YAML of each member that runs unchanged."""

import re
import tempfile
from pathlib import Path

from analysis.record.names import Artifact
from analysis.record.reader import trial_yaml
from analysis.record.sweep import Candidate, Sweep
from analysis.views import front_html, front_png
from analysis.views.front_files import to_csv, to_json


def write(sweep: Sweep, out_dir: Path, /) -> list[Path]:
    """Writes front.json, front.csv, front.png, front.html and NAME-0007.yaml for each member.

    That of a member at another α is NAME-0007-alpha0.25.yaml.

    Every file appears whole or not at all, and a second call replaces what the first wrote: the
    trial files of members that have left the front go, and nothing else does. Returns the paths.
    Raises ValueError for a sweep whose name is not a file name.
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
            at = "" if member.alpha is None else f"-alpha{member.alpha:g}"
            path = staged / f"{sweep.name}-{member.trial:04d}{at}.yaml"
            path.write_bytes(trial_yaml(sweep, member).encode())
        written = [path.replace(out_dir / path.name) for path in sorted(staged.iterdir())]
    ours = re.compile(re.escape(sweep.name) + r"-\d{4,}(-alpha[\d.e-]+)?\.yaml")
    for path in out_dir.iterdir():
        if ours.fullmatch(path.name) and path not in written and _is_a_trial(path):
            path.unlink()
    return written


def draw(sweep: Sweep, folder: Path, /) -> None:
    """Writes front.json, front.csv, front.png and front.html."""
    (folder / "front.json").write_text(to_json(sweep), encoding="utf-8")
    (folder / "front.csv").write_text(to_csv(sweep), encoding="utf-8", newline="")
    front_png.front_png(sweep, folder / "front.png")
    front_html.front_html(sweep, folder / Artifact.FRONT_PAGE)


def _is_a_trial(path: Path) -> bool:
    """Whether a sweep wrote the file, by its first line: another of such a name is somebody's own."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().startswith("# trial ")
