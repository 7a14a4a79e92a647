package io.troupe.model;

import org.apache.kafka.common.protocol.Errors;

/**
 * Why a request was not carried out: Kafka's error code and a sentence for a person.
 *
 * @param error Kafka's code, never {@link Errors#NONE}
 * @param message names the thing, the value and what is allowed
 */
public record Refusal(Errors error, String message) {
    /** The message of {@link #mayBeWritten}, by which other brokers tell it from others. */
    public static final String MAY_BE_WRITTEN =
            "The leader changed while the records were written; whether they are is not known.";

    public Refusal {
        if (error == Errors.NONE) {
            throw new IllegalArgumentException("a refusal needs an error: " + message);
        }
    }

    /** A refusal with the message that Kafka's own clients print for {@code error}. */
    public static Refusal of(Errors error) {
        return new Refusal(error, error.message());
    }

    /**
     * Of a batch whose leader resigned while it was not on all replicas yet. To Kafka's clients as any other leader that is none; who
     * has no producer id, by which a repetition is known, must not send it again by himself.
     */
    public static Refusal mayBeWritten() {
        return new Refusal(Errors.NOT_LEADER_OR_FOLLOWER, MAY_BE_WRITTEN);
    }
}
