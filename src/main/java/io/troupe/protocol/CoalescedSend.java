package io.troupe.protocol;

import java.io.IOException;
import java.util.List;
import org.apache.kafka.common.network.Send;
import org.apache.kafka.common.network.TransferableChannel;

/** Several answers that leave as one send, one after the other. Owned by one network thread. */
final class CoalescedSend implements Send {
    private final List<Send> sends;
    private final long size;
    private int next;

    CoalescedSend(List<Send> sends) {
        this.sends = sends;
        this.size = sends.stream().mapToLong(Send::size).sum();
    }

    @Override
    public boolean completed() {
        return next == sends.size();
    }

    @Override
    public long writeTo(TransferableChannel channel) throws IOException {
        long written = 0;
        while (next < sends.size()) {
            Send send = sends.get(next);
            written += send.writeTo(channel);
            if (!send.completed()) {
                break;
            }
            // Lets go of a written answer's memory while the next ones wait for a slow reader.
            sends.set(next, null);
            next++;
        }
        return written;
    }

    @Override
    public long size() {
        return size;
    }
}
