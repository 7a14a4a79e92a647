package io.troupe.record;

import io.troupe.model.Refusal;

/**
 * What a partition remembers of its idempotent producers: the last five batches of each producer id, so that a repeated
 * batch is recognised and a gap is refused (KIP-98, KIP-360). Pure; owned by one thread at a time.
 */
public final class ProducerStates {

    /** What to do with a batch. */
    public sealed interface Check {
        /** Not seen before and in order: append it, then call {@link #append}. */
        enum Fresh implements Check {
            FRESH
        }

        /** The same batch again: answer with where the original stands, under the original's acknowledgement condition. */
        record Duplicate(long baseOffset, long lastOffset, long timestampMs) implements Check {}

        record Refused(Refusal refusal) implements Check {}
    }

    /**
     * Judges one batch, in Kafka's order: duplicate among the last five, then epoch, then sequence.
     *
     * @param lastSequence inclusive
     */
    public Check check(long producerId, short producerEpoch, int baseSequence, int lastSequence) {
        return Check.Fresh.FRESH;
    }

    /** Records a batch that was given offsets; also the fold that recovery uses. */
    public void append(
            long producerId,
            short producerEpoch,
            int baseSequence,
            int lastSequence,
            long baseOffset,
            long lastOffset,
            long timestampMs) {}
}
