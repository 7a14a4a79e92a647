package io.troupe.client;

import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidGroupIdException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidRequestException;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.UnsupportedVersionException;

/**
 * Why something did not happen, in a form that can be acted upon.
 *
 * @param kind what it calls for
 * @param message the cause in words, as Kafka's client or the broker has it; never empty
 */
public record Failure(Kind kind, String message) {

    /** What a failure calls for. */
    public enum Kind {
        /** May pass by itself: the same again later can succeed. What was sent may have arrived nevertheless. */
        RETRIABLE,
        /** The record, or what it is in, is larger than client, topic or broker allow. */
        TOO_LARGE,
        /** What was asked for is not valid: a name, a setting, a record that its serializer refuses. */
        INVALID,
        /** There is no such topic, partition or group. */
        NOT_FOUND,
        /** It exists already, or is in use. */
        CONFLICT,
        /** The broker does not allow it to this client. */
        NOT_AUTHORIZED,
        /** The broker is too old, or has it not. */
        UNSUPPORTED,
        /** Another producer or member has taken this one's place; only a new one can go on. */
        FENCED,
        /** The actor is stopping or has stopped, or could not start its client. */
        CLOSED,
        /** The actor has as much under way as its bounds allow; nothing was done. */
        REFUSED,
        /** Anything else; the message tells. */
        OTHER
    }

    /** What Kafka's client threw, or completed a future with. */
    static Failure of(Throwable thrown) {
        Throwable cause = thrown;
        while (wraps(cause)) {
            cause = cause.getCause();
        }
        return new Failure(kind(cause), words(thrown, cause));
    }

    /** What may be thrown again by whoever does not expect errors. */
    static RuntimeException thrown(Throwable thrown) {
        return thrown instanceof RuntimeException expected ? expected : new KafkaException(thrown.toString(), thrown);
    }

    private static boolean wraps(Throwable t) {
        return t.getCause() != null
                && (t instanceof CompletionException
                        || t instanceof ExecutionException
                        || t.getClass() == KafkaException.class);
    }

    private static Kind kind(Throwable t) {
        if (t instanceof RecordTooLargeException || t instanceof RecordBatchTooLargeException) {
            return Kind.TOO_LARGE;
        }
        if (t instanceof UnknownTopicOrPartitionException
                || t instanceof UnknownTopicIdException
                || t instanceof GroupIdNotFoundException) {
            return Kind.NOT_FOUND;
        }
        if (t instanceof RetriableException) {
            return Kind.RETRIABLE;
        }
        if (t instanceof TopicExistsException || t instanceof GroupNotEmptyException) {
            return Kind.CONFLICT;
        }
        if (t instanceof AuthenticationException || t instanceof AuthorizationException) {
            return Kind.NOT_AUTHORIZED;
        }
        if (t instanceof ProducerFencedException
                || t instanceof InvalidProducerEpochException
                || t instanceof FencedInstanceIdException
                || t instanceof OutOfOrderSequenceException) {
            return Kind.FENCED;
        }
        if (t instanceof UnsupportedVersionException || t instanceof UnsupportedOperationException) {
            return Kind.UNSUPPORTED;
        }
        if (t instanceof InterruptException) {
            return Kind.CLOSED;
        }
        return isInvalid(t) ? Kind.INVALID : Kind.OTHER;
    }

    private static boolean isInvalid(Throwable t) {
        return t instanceof SerializationException
                || t instanceof InvalidTopicException
                || t instanceof InvalidTimestampException
                || t instanceof InvalidConfigurationException
                || t instanceof InvalidPartitionsException
                || t instanceof InvalidReplicationFactorException
                || t instanceof InvalidRequestException
                || t instanceof InvalidGroupIdException
                || t instanceof PolicyViolationException
                || t instanceof ConfigException
                || t instanceof IllegalArgumentException
                || t instanceof IllegalStateException
                || t instanceof ClassCastException;
    }

    private static String words(Throwable thrown, Throwable cause) {
        String inner = cause.getMessage() == null || cause.getMessage().isBlank()
                ? cause.getClass().getSimpleName()
                : cause.getMessage();
        boolean told = thrown == cause
                || thrown.getMessage() == null
                || thrown.getMessage().contains(inner)
                || !(thrown instanceof ApiException);
        return told ? inner : thrown.getMessage() + ": " + inner;
    }
}
