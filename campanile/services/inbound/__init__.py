"""Replies, opt-outs and delivery reports of gateways."""
