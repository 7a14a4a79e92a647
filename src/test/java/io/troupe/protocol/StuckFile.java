package io.troupe.protocol;

import io.troupe.fixture.UnusedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.concurrent.CountDownLatch;

/** A file of zeros on a disk that answers nothing before it is let go; it is read at positions only. */
final class StuckFile extends UnusedFile {
    /** Down once somebody reads. */
    final CountDownLatch asked = new CountDownLatch(1);

    private final CountDownLatch released = new CountDownLatch(1);

    void release() {
        released.countDown();
    }

    private void wait(CountDownLatch latch) {
        asked.countDown();
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public int read(ByteBuffer dst, long position) {
        wait(released);
        int bytes = dst.remaining();
        dst.put(new byte[bytes]);
        return bytes;
    }

    @Override
    public long transferTo(long position, long count, WritableByteChannel target) throws IOException {
        wait(released);
        return target.write(ByteBuffer.allocate((int) count));
    }

    @Override
    public long size() {
        return Long.MAX_VALUE;
    }

    @Override
    protected void implCloseChannel() {
        // As the real one, which waits for readers.
        wait(released);
    }
}
