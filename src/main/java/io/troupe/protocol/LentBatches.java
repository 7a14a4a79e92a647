package io.troupe.protocol;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.kafka.common.network.TransferableChannel;
import org.apache.kafka.common.record.internal.RecordsSend;

/** Batches in a buffer of {@link AnswerBuffers}, which gets it back. */
final class LentBatches implements AnswerRecords {
    private final AnswerBuffers buffers;
    private final int sizeInBytes;
    private ByteBuffer lent;

    /** @param lent from position to limit */
    LentBatches(ByteBuffer lent, AnswerBuffers buffers) {
        this.lent = lent;
        this.buffers = buffers;
        this.sizeInBytes = lent.remaining();
    }

    @Override
    public int sizeInBytes() {
        return sizeInBytes;
    }

    @Override
    public int heldBytes() {
        return sizeInBytes;
    }

    @Override
    public RecordsSend<LentBatches> toSend() {
        return new RecordsSend<>(this, sizeInBytes) {
            @Override
            protected int writeTo(TransferableChannel channel, int previouslyWritten, int remaining)
                    throws IOException {
                return channel.write(bytes());
            }
        };
    }

    /** Valid until {@link #close}. */
    synchronized ByteBuffer bytes() throws IOException {
        if (lent == null) {
            throw new IOException("the answer was given up");
        }
        return lent;
    }

    @Override
    public void close() {
        ByteBuffer back;
        synchronized (this) {
            back = lent;
            lent = null;
        }
        if (back != null) {
            buffers.giveBack(back);
        }
    }
}
