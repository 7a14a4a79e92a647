package io.troupe.protocol;

import java.io.Closeable;
import java.util.concurrent.Executor;
import org.apache.kafka.common.record.internal.BaseRecords;

/** Records of an answer that hold something which must be given back, sent or not. */
interface AnswerRecords extends BaseRecords, Closeable {
    /** The part of them that is in memory. */
    int heldBytes();

    /** Told on the network thread before they are sent. */
    default void sentOn(Executor networkThread) {}

    /** They have left, or never will. Any thread; does nothing the second time. */
    @Override
    void close();
}
