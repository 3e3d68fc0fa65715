"""The recap's hash: what is approved is exactly what is sent."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sms.errors import CampaignError
from store.database import Transaction


def verify_recap(visit: Transaction, campaign: Mapping[str, Any]) -> None:
    """Compute the recap's hash again from what is stored.

    Raises:
        CampaignError: something the recap covers is not what it was.
    """
    campaign_id = campaign["campaign_id"]
    recap = visit.row("recap.get", campaign_id=campaign_id, version=campaign["version"])
    if recap is None:
        raise CampaignError(f"campaign {campaign['name']} has no recap; prepare it")
    found = compute_hash(visit, campaign_id, json.loads(recap["header"]))
    if found != campaign["recap_hash"]:
        raise CampaignError(
            f"campaign {campaign['name']} is not what its recap says (hash {found[:8]}, recap "
            f"{str(campaign['recap_hash'])[:8]}); nothing leaves: prepare it again"
        )


def compute_hash(visit: Transaction, campaign_id: int, header: Mapping[str, Any]) -> str:
    """Return the hash of a campaign's header and of all its messages as they are stored now."""
    messages = visit.value("recap.hash_messages", campaign_id=campaign_id)
    return sha256(f"{canonical(header)}\n{messages}".encode()).hexdigest()


def canonical(header: Mapping[str, Any]) -> str:
    """Return a header as the one text that is hashed and stored."""
    return json.dumps(header, ensure_ascii=False, sort_keys=True)
