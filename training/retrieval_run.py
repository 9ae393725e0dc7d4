"""`shopkeeper train retrieval`: the run that makes `training/adapters/retrieval`, and its record.

Covered: data, run, recall on dev with and without the adapter. Not covered: the loss
(`training.retrieval_adapter`), search by both halves (`shopkeeper eval retrieval`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from training.data.reading import load_reading
from training.encoder_lora import (
    AdaptedEncoder,
    EncoderLoraArgs,
    EncoderTrainer,
    RunState,
    save_adapter,
)
from training.encoder_record import write_record
from training.retrieval_adapter import SearchBatches, no_heads, recall_at_1, search_loss


def train_retrieval(
    args: EncoderLoraArgs, data: Path, report: Callable[[RunState, int], None]
) -> dict[str, dict[str, float]]:
    """Train, score on dev, write adapter and `run.json`; resumes from its checkpoint.

    Args:
        args: `args.output` gets the result.
        data: folder of the public corpora.
        report: called as the run goes on.

    Returns:
        Per source recall at 1 of the `frozen` encoder and of the `adapted` one, dense only.
    """
    groups = load_reading(data, "train")
    model = AdaptedEncoder(args, no_heads)
    batches = SearchBatches(groups, model.tokenizer, args.batch_tokens, args.seed)
    state = EncoderTrainer(args, model, batches, search_loss).train(report)
    save_adapter(model, args.output)
    dev = load_reading(data, "dev")
    adapted = recall_at_1(model, dev)
    with model.encoder.disable_adapter():
        frozen = recall_at_1(model, dev)
    scores = {name: {"frozen": frozen[name], "adapted": adapted[name]} for name in adapted}
    write_record("retrieval", args, data, groups, state, {"dev_recall_at_1": scores})
    return scores
