"""Opt-outs in: numbers that must never be written to again."""

from prefect import flow

from schemas.form import OptionalText
from tasks.ingest import OPT_OUTS, find_opt_out_files, import_opt_out_file, publish_import


@flow(name="import-opt-outs")
def import_opt_outs(path: OptionalText = "") -> list[object]:
    """Opt out every number of a file.

    Args:
        path: One file, in any form contacts come in. Empty: every stable file in `data/inbox/opt_outs/`.
    """
    results = [import_opt_out_file(file) for file in find_opt_out_files(path or None)]
    publish_import(OPT_OUTS, results)
    return results
