package io.troupe.http;

import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.protocol.Errors;

/**
 * Why a request is not done, as its answer says it: {@code {"error_code":40401,"message":"..."}}. The first three digits of a code
 * are the answer's status. Has no stack trace: it says what the client did, or what the broker cannot do now.
 */
final class HttpFailure extends RuntimeException {
    static final int UNKNOWN_TOPIC = 40401;
    static final int UNKNOWN_PARTITION = 40402;
    static final int NO_LEADER = 40404;
    static final int UNKNOWN_INSTANCE = 40403;
    static final int FORMAT_MISMATCH = 40601;
    static final int EXISTS = 40902;
    static final int ILLEGAL_STATE = 40903;
    static final int BAD_JSON = 42203;
    static final int BAD_CONFIG = 42204;
    static final int BAD_PAYLOAD = 42206;
    static final int BAD_BATCH = 42208;
    /** Of v3: what a broker refuses. */
    static final int REFUSED_V3 = 40002;

    /** Of v3. */
    static final int UNKNOWN_TOPIC_V3 = 40403;

    static final int BROKER_ERROR = 50002;
    static final int RETRIABLE = 50003;

    private static final long serialVersionUID = 1L;

    private final int status;
    private final int errorCode;
    private final boolean byBroker;

    HttpFailure(int status, int errorCode, String message) {
        this(status, errorCode, message, false);
    }

    /** @param byBroker whether what was asked is well-formed, and a broker refused it */
    private HttpFailure(int status, int errorCode, String message, boolean byBroker) {
        super(message, null, false, false);
        this.status = status;
        this.errorCode = errorCode;
        this.byBroker = byBroker;
    }

    /** @param errorCode of five digits, or a plain status */
    HttpFailure(int errorCode, String message) {
        this(errorCode >= 1000 ? errorCode / 100 : errorCode, errorCode, message);
    }

    int status() {
        return status;
    }

    int errorCode() {
        return errorCode;
    }

    /** The same as REST Proxy v3 tells it, where only topics and what a broker refused have codes of five digits. */
    HttpFailure v3() {
        return switch (errorCode) {
            case UNKNOWN_TOPIC -> new HttpFailure(UNKNOWN_TOPIC_V3, getMessage());
            case UNKNOWN_PARTITION -> new HttpFailure(404, getMessage());
            case NO_LEADER -> tryAgain(getMessage());
            case EXISTS -> new HttpFailure(REFUSED_V3, getMessage());
            case BAD_PAYLOAD, BAD_JSON, BAD_BATCH -> new HttpFailure(byBroker ? REFUSED_V3 : 400, getMessage());
            default -> this;
        };
    }

    static HttpFailure unknownTopic(String name) {
        return new HttpFailure(UNKNOWN_TOPIC, "Topic " + shown(name) + " does not exist.");
    }

    static HttpFailure unknownPartition(String topic, Object partition, int partitions) {
        return new HttpFailure(
                UNKNOWN_PARTITION,
                "Topic " + topic + " has no partition " + shown(partition) + "; it has 0 to " + (partitions - 1) + ".");
    }

    /** Busy or stopping: the same again a little later may do. */
    static HttpFailure tryAgain(String message) {
        return new HttpFailure(503, RETRIABLE, message);
    }

    /** @param what was done, for the message */
    static HttpFailure of(Errors error, String message, String what) {
        String text = what + ": " + (message == null || message.isEmpty() ? error.message() : message);
        return switch (error) {
            case UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID -> new HttpFailure(UNKNOWN_TOPIC, text);
            case LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER -> new HttpFailure(NO_LEADER, text);
            case TOPIC_ALREADY_EXISTS, GROUP_ID_NOT_FOUND ->
                new HttpFailure(error == Errors.GROUP_ID_NOT_FOUND ? 404 : EXISTS, text);
            case INVALID_TOPIC_EXCEPTION,
                    INVALID_PARTITIONS,
                    INVALID_REPLICATION_FACTOR,
                    INVALID_REPLICA_ASSIGNMENT,
                    INVALID_CONFIG,
                    INVALID_REQUEST,
                    INVALID_GROUP_ID,
                    POLICY_VIOLATION,
                    OFFSET_OUT_OF_RANGE,
                    OFFSET_METADATA_TOO_LARGE,
                    MESSAGE_TOO_LARGE,
                    RECORD_LIST_TOO_LARGE,
                    INVALID_RECORD,
                    INVALID_TIMESTAMP,
                    CORRUPT_MESSAGE -> new HttpFailure(BAD_PAYLOAD / 100, BAD_PAYLOAD, text, true);
            default ->
                error.exception() instanceof RetriableException
                        ? tryAgain(text)
                        : new HttpFailure(500, BROKER_ERROR, text);
        };
    }

    /** The failure as such, or as what it comes to for who asked; null when it is none that was foreseen. */
    static HttpFailure of(Throwable thrown) {
        Throwable cause = cause(thrown);
        if (cause instanceof HttpFailure failure) {
            return failure;
        }
        if (cause instanceof java.util.concurrent.TimeoutException || cause instanceof TimeoutException) {
            return tryAgain("The broker was not done in time; whether it did what was asked is not known.");
        }
        if (!(cause instanceof ApiException api)) {
            return null;
        }
        Errors error = Errors.forException(api);
        // Those of connections have no code of their own.
        return error == Errors.UNKNOWN_SERVER_ERROR && api instanceof RetriableException
                ? tryAgain("Another broker could not be asked: " + api.getMessage())
                : of(error, api.getMessage(), "Refused");
    }

    static Throwable cause(Throwable thrown) {
        Throwable cause = thrown;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    /** What a client sent, fit to be shown in one line. */
    static String shown(Object sent) {
        String text = String.valueOf(sent);
        String cut = text.length() > 200 ? text.substring(0, 200) + "..." : text;
        return cut.chars().anyMatch(Character::isISOControl) ? cut.replaceAll("\\p{Cntrl}", "?") : cut;
    }
}
