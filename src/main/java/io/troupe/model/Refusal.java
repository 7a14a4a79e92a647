package io.troupe.model;

import org.apache.kafka.common.protocol.Errors;

/**
 * Why a request was not carried out: Kafka's error code and a sentence for a person.
 *
 * @param error Kafka's code, never {@link Errors#NONE}
 * @param message names the thing, the value and what is allowed
 */
public record Refusal(Errors error, String message) {
    public Refusal {
        if (error == Errors.NONE) {
            throw new IllegalArgumentException("a refusal needs an error: " + message);
        }
    }

    /** A refusal with the message that Kafka's own clients print for {@code error}. */
    public static Refusal of(Errors error) {
        return new Refusal(error, error.message());
    }
}
