-- Top-ups and refunds are credit entries of a gateway; they belong to no campaign.
ALTER TABLE credit_entry ALTER COLUMN campaign_id DROP NOT NULL;
ALTER TABLE credit_entry ALTER COLUMN slice_no DROP NOT NULL;

-- reserved_before: the open reserves when the reading was requested. topped_up: by how much the balance was higher than
-- the ledger explains. Both are NULL in readings of an older version.
ALTER TABLE balance_reading ADD COLUMN reserved_before DECIMAL(18, 6);
ALTER TABLE balance_reading ADD COLUMN topped_up DECIMAL(18, 6);
