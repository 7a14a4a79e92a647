package io.troupe.protocol;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.concurrent.CountDownLatch;

/** A file of zeros on a disk that answers nothing before it is let go; it is read at positions only. */
final class StuckFile extends FileChannel {
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

    @Override
    public int read(ByteBuffer dst) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long read(ByteBuffer[] dsts, int offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int write(ByteBuffer src) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long write(ByteBuffer[] srcs, int offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int write(ByteBuffer src, long position) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long position() {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileChannel position(long newPosition) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileChannel truncate(long size) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void force(boolean metaData) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long transferFrom(ReadableByteChannel src, long position, long count) {
        throw new UnsupportedOperationException();
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long position, long size) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileLock lock(long position, long size, boolean shared) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileLock tryLock(long position, long size, boolean shared) {
        throw new UnsupportedOperationException();
    }
}
