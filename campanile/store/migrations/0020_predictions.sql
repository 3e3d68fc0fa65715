-- What a recap predicts, to be compared with what happened. The hash of a recap does not cover it.

-- One row a quantity of a version: 'cost' and 'answers_cost' in the unit of the recap; 'delivered', 'opted_out' and
-- 'replied' people; 'duration': seconds from starts_at to the last accepted message. low, high: the ends of the 80 %
-- interval, both inside. planned: the same quantity by the plan alone; NULL: there is no plan of it. past_count: past
-- campaigns that it is from. starts_at: when the first message was planned; NULL: none was.
CREATE TABLE prediction (
    campaign_id BIGINT,
    version BIGINT,
    quantity VARCHAR NOT NULL,
    low DECIMAL(18, 6) NOT NULL,
    median DECIMAL(18, 6) NOT NULL,
    high DECIMAL(18, 6) NOT NULL,
    planned DECIMAL(18, 6),
    past_count BIGINT NOT NULL,
    starts_at TIMESTAMPTZ,
    predicted_at TIMESTAMPTZ NOT NULL
);
