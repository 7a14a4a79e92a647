package io.troupe.protocol;

import java.io.Closeable;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.apache.kafka.common.record.internal.BaseRecords;

/** Records of an answer that hold something which must be given back, sent or not. */
interface AnswerRecords extends BaseRecords, Closeable {
    /** The part of them that is in memory. */
    int heldBytes();

    /** Told on the network thread before they are sent. */
    default void sentOn(Executor networkThread) {}

    /**
     * A copy in plain memory, for an answer that is not sent; once, and before {@link #close}.
     *
     * @return fails with RecordTooLargeException when they have more than {@code mostBytes}
     */
    CompletionStage<ByteBuffer> toHeap(int mostBytes);

    /** They have left, or never will. Any thread; does nothing the second time. */
    @Override
    void close();
}
