"""Handing a customer over to people: who is up, why, what is said, what people are told."""
