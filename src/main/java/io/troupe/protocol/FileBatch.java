package io.troupe.protocol;

import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import org.apache.kafka.common.network.TransferableChannel;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.RecordsSend;

/**
 * A batch that goes from its file to the socket without being held in memory, at most {@link #TURN_BYTES} in one turn of
 * the network thread. The file is this batch's own and closed with its last byte; that of an answer that is dropped is
 * closed by the garbage collector.
 */
final class FileBatch implements BaseRecords {
    private static final int TURN_BYTES = 1 << 20;

    private final FileChannel file;
    private final long position;
    private final int sizeInBytes;

    FileBatch(FileChannel file, long position, int sizeInBytes) {
        this.file = file;
        this.position = position;
        this.sizeInBytes = sizeInBytes;
    }

    @Override
    public int sizeInBytes() {
        return sizeInBytes;
    }

    @Override
    public RecordsSend<FileBatch> toSend() {
        return new RecordsSend<>(this, sizeInBytes) {
            @Override
            protected int writeTo(TransferableChannel channel, int previouslyWritten, int remaining)
                    throws IOException {
                return write(channel, previouslyWritten, remaining);
            }
        };
    }

    private int write(TransferableChannel channel, int previouslyWritten, int remaining) throws IOException {
        long from = position + previouslyWritten;
        int written = (int) channel.transferFrom(file, from, Math.min(TURN_BYTES, remaining));
        if (written == 0 && file.size() < from + remaining) {
            throw new EOFException("a segment has become shorter while it was sent");
        }
        if (written == remaining) {
            file.close();
        }
        return written;
    }
}
