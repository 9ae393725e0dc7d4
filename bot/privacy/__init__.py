"""Personal data in texts: finding it, masking it.

`mask(text)` is what analytics, logs and training are given; the raw text lives in the conversation
only (`bot.store.sealing` encrypts it there).
"""
