"""Where Dagster keeps its instance when nobody says otherwise: below Hardfin's own home."""

import os
import shutil
from pathlib import Path

from hardfin_pipelines.engine.refusals import Refusal

_SETTINGS = Path(__file__).resolve().parents[2] / "dagster.yaml"


def ensure_dagster_home(home: Path) -> Path:
    """The folder of Dagster's instance: `DAGSTER_HOME` where it is set, else `dagster` in Hardfin's home.

    A folder of our own gets the project's dagster.yaml, new at every start, and `DAGSTER_HOME` is set for this process
    and the ones it starts.

    Raises:
        Refusal: `DAGSTER_HOME` is set and not usable, or the project's dagster.yaml is not where it belongs.
    """
    given = os.environ.get("DAGSTER_HOME")
    if given:
        folder = Path(given)
        if not folder.is_absolute() or not (folder / "dagster.yaml").is_file():
            raise Refusal(f"DAGSTER_HOME: expected the absolute path of a folder with a dagster.yaml, got {given}")
        return folder
    if not _SETTINGS.is_file():
        raise Refusal(f"dagster.yaml is not at {_SETTINGS}: set DAGSTER_HOME to a folder that has one")
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_SETTINGS, folder / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder
