"""What no answer of a gateway may say of its messages: checked here, whatever adapter read it."""

from collections.abc import Sequence

from schemas.gateway import Batch, Outcome, SubmitOutcome

LONGEST_ID = 200


def check_answer(batch: Batch, outcomes: Sequence[SubmitOutcome]) -> list[SubmitOutcome]:
    """Return the outcomes of one request, disputed where the answer cannot be right.

    An answer that names a message which was not in the request is not believed at all. A message that is named twice in
    different ways is disputed, and so is one under an id that is missing, blank or too long. Whether an id is another
    message's is checked by ``message_ids``, which knows them all.
    """
    asked = {message.client_ref for message in batch.messages}
    if strangers := {item.client_ref for item in outcomes} - asked:
        why = f"the answer names {len(strangers)} message(s) that were not in the request"
        return [SubmitOutcome.disputed(ref, why) for ref in sorted(asked)]
    said: dict[str, list[SubmitOutcome]] = {}
    for item in outcomes:
        said.setdefault(item.client_ref, []).append(item)
    return [_checked(ref, items) for ref, items in said.items()]


def _checked(client_ref: str, items: Sequence[SubmitOutcome]) -> SubmitOutcome:
    item, message_id = items[0], items[0].gateway_message_id
    if any(other != item for other in items):
        return SubmitOutcome.disputed(client_ref, "the answer names this message twice, in different ways")
    if message_id is None:
        is_nameless = item.outcome is Outcome.ACCEPTED
        return SubmitOutcome.disputed(client_ref, "accepted without an id") if is_nameless else item
    if not message_id.strip():
        return SubmitOutcome.disputed(client_ref, "the answer gives a blank id")
    if len(message_id) > LONGEST_ID:
        why = f"the answer gives an id of {len(message_id)} characters, {LONGEST_ID} are allowed"
        return SubmitOutcome.disputed(client_ref, why)
    return item
