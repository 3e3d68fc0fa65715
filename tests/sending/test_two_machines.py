"""F66: two machines that answer each other, through the sandbox: a few answers a day, each once, then silence."""

from collections import Counter

from campanile.services.inbound.auto_answers import plan_answers
from campanile.services.inbound.sync import sync_opt_outs
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.store.inbound.auto_responder import put_auto_responder
from tests.sending.sending_desk import DeskSender, SendingDesk

MACHINE, PERSON = "+33612345678", "+33612345679"
STANDING = "auto-reply-sandbox"


def round_of(desk: SendingDesk, sender: DeskSender) -> dict[str, int]:
    """Do what process-replies does; read and decide twice, as after a crash."""
    context = desk.context()
    sync_opt_outs(context, "sandbox")
    decided = plan_answers(context, "sandbox")
    sync_opt_outs(context, "sandbox")
    assert plan_answers(context, "sandbox") == {}
    if decided.get("planned"):
        sender.run(STANDING)
    return decided


def test_f66_two_auto_responders_end_after_a_few_answers_a_day(desk: SendingDesk, sender: DeskSender) -> None:
    sender.take_time()
    desk.put_balance(str(desk.sandbox.balance()))
    with desk.tx() as tx:
        put_auto_responder(tx, AutoResponder(True, "Merci, nous vous rappelons"), "camille")
    counts: Counter[str] = Counter()
    desk.sandbox.reply(MACHINE, "Bonjour, que puis-je pour vous ?")
    for _ in range(8):
        heard = len(desk.bill())
        counts.update(round_of(desk, sender))
        for _answer in desk.bill()[heard:]:  # the other machine answers each message that it gets, at once
            desk.sandbox.reply(MACHINE, "Bonjour, que puis-je pour vous ?")
    assert counts == {"planned": 5, "person_capped": 1}
    assert [line["to"] for line in desk.bill()] == [MACHINE] * 5, "one answer a reply, and then silence"
    desk.sandbox.reply(PERSON, "Bonjour")
    assert round_of(desk, sender) == {"planned": 1}, "people are answered all the same"
    assert [line["to"] for line in desk.bill()][5:] == [PERSON]
