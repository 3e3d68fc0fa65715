"""Import opt-outs: numbers that must get no message any more."""

from campanile.services.contacts.file_import import OPT_OUTS, Result
from campanile.services.contacts.staged_files import ReadOptions
from schemas.form import OptionalText
from tasks.contacts import fail_if_refused, find_opt_out_files, import_opt_out_file, publish_import
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time
from tasks.watch import watched


@flow(name="import-opt-outs")
@one_at_a_time(waits_with="path")
def import_opt_outs(
    path: OptionalText = "",
    region: OptionalText = "",
    sheet: OptionalText = "",
    encoding: OptionalText = "",
    columns: dict[str, str] | None = None,
) -> list[Result]:
    """Opt out every number of a file; columns with the date and the source are kept as proof.

    Args:
        path: One file in the data folder, in any form. Empty: every stable file in `data/inbox/opt_outs/`.
        region: How numbers without a country code are read, such as FR.
        sheet: The sheet of a workbook. Empty: its first.
        encoding: The encoding of a CSV, if it cannot be detected.
        columns: Which column is which, if the header does not say: {"msisdn": "Tel 2"}.
    """
    options = ReadOptions(region or None, columns, sheet or None, encoding or None, hidden_rows="keep")
    results: list[Result] = []
    with watched("import-opt-outs", is_scheduled=not path):
        for file in find_opt_out_files(path or None):
            state = import_opt_out_file(file, options, return_state=True)
            results.append(state.result(raise_on_failure=False))
        publish_import(OPT_OUTS, results)
    fail_if_refused(results)
    return results
