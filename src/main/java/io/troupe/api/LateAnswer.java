package io.troupe.api;

import io.troupe.group.AnswerHold;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.protocol.ApiMessage;

/**
 * An answer to a group's member that may wait in case that a rebalance begins, so that its client hears of that at once.
 *
 * <p>Only Kafka's own Java client may be kept waiting: it sends its heartbeats by a clock of its own, whether the one before is
 * answered or not, has a connection for its group alone, and whatever it asks on that lets the answer go. Others wait for an answer
 * (kafkajs between two messages), or may be set to have one request under way.
 */
final class LateAnswer<T extends ApiMessage> implements AnswerHold<T> {
    /** As it introduces itself (KIP-511). */
    private static final String JAVA_CLIENT = "apache-kafka-java";

    private final RequestContext context;
    private volatile boolean begun;
    private volatile boolean closed;

    private LateAnswer(RequestContext context) {
        this.context = context;
        context.onClosed(() -> closed = true);
    }

    /** Call on the network thread, from within the handler, which is to set no other action for the connection's end. */
    static <T extends ApiMessage> AnswerHold<T> mayBe(RequestContext context) {
        return JAVA_CLIENT.equals(context.clientSoftware()) ? new LateAnswer<>(context) : AnswerHold.never();
    }

    @Override
    public boolean isPossible() {
        return true;
    }

    @Override
    public void begin(T answer, int mostMs) {
        begun = true;
        context.respondLater(answer, mostMs);
    }

    @Override
    public boolean wasLost() {
        return begun && closed;
    }
}
