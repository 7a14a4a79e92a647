package io.troupe.client;

import java.util.List;

/** What became of one record that a {@link ProducerActor} was given. */
public sealed interface SendResult {

    /**
     * It is in the log, as far as {@code acks} asks for that.
     *
     * @param partition where it is
     * @param offset its offset there; -1 with {@code acks=0}, which asks nobody
     * @param timestampMs its timestamp as stored, ms since 1970; the producer's own unless the topic stamps records on arrival, and -1 if there is none
     */
    record Sent(int partition, long offset, long timestampMs) implements SendResult {}

    /** There was no room for it: nothing was sent. The same again later may be taken. */
    record Refused(Failure failure) implements SendResult {}

    /** It failed. When the kind is {@link Failure.Kind#RETRIABLE} it may be in the log nevertheless. */
    record Failed(Failure failure) implements SendResult {}

    /**
     * What became of the records of one {@link ProducerActor.SendAll}.
     *
     * @param results as many as there were records, in their order
     */
    record All(List<SendResult> results) {
        public All {
            results = List.copyOf(results);
        }

        /** Whether every record is {@link Sent}. */
        public boolean isSent() {
            return results.stream().allMatch(r -> r instanceof Sent);
        }
    }

    /** What became of a {@link ProducerActor.SendTransaction}. */
    sealed interface Transaction {}

    /** All its records, and the offsets with them, are committed. */
    record Committed(List<Sent> records) implements Transaction {}

    /**
     * Nothing of it is committed, unless the kind is {@link Failure.Kind#RETRIABLE} and the answer to the commit itself was lost. After {@link
     * Failure.Kind#FENCED} only another actor can go on.
     */
    record Aborted(Failure failure) implements Transaction {}
}
