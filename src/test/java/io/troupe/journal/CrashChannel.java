package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** A channel on a {@link CrashFile}, which it keeps when the name is gone. */
final class CrashChannel extends FileChannel {
    private final CrashDisk disk;
    private final CrashFile file;
    private final boolean lies;
    private long position;

    CrashChannel(CrashDisk disk, CrashFile file, boolean lies) {
        this.disk = disk;
        this.file = file;
        this.lies = lies;
    }

    private void checkOpen() throws IOException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        disk.check();
    }

    @Override
    public int write(ByteBuffer src, long at) throws IOException {
        checkOpen();
        byte[] bytes = new byte[src.remaining()];
        src.get(bytes);
        boolean cut = disk.step();
        // Cut or not, it reached the page cache, and so may have reached the disk.
        file.write(at, bytes);
        if (cut) {
            throw new CrashDisk.PowerCut();
        }
        return bytes.length;
    }

    @Override
    public int write(ByteBuffer src) throws IOException {
        int n = write(src, position);
        position += n;
        return n;
    }

    @Override
    public long write(ByteBuffer[] srcs, int offset, int length) throws IOException {
        long n = 0;
        for (int i = offset; i < offset + length; i++) {
            n += write(srcs[i]);
        }
        return n;
    }

    @Override
    public void force(boolean metaData) throws IOException {
        checkOpen();
        disk.force(file, lies);
    }

    @Override
    public int read(ByteBuffer dst, long at) throws IOException {
        checkOpen();
        byte[] bytes = new byte[dst.remaining()];
        int n = file.read(at, bytes);
        if (n > 0) {
            dst.put(bytes, 0, n);
        }
        return n;
    }

    @Override
    public int read(ByteBuffer dst) throws IOException {
        int n = read(dst, position);
        position += Math.max(0, n);
        return n;
    }

    @Override
    public long read(ByteBuffer[] dsts, int offset, int length) {
        throw new UnsupportedOperationException("nothing of the journal's reads that way");
    }

    @Override
    public long position() {
        return position;
    }

    @Override
    public FileChannel position(long newPosition) {
        position = newPosition;
        return this;
    }

    @Override
    public long size() throws IOException {
        checkOpen();
        return file.size();
    }

    @Override
    public FileChannel truncate(long size) throws IOException {
        checkOpen();
        boolean cut = disk.step();
        file.truncate(size);
        if (cut) {
            throw new CrashDisk.PowerCut();
        }
        return this;
    }

    @Override
    public long transferTo(long at, long count, WritableByteChannel target) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate((int) Math.max(0, Math.min(count, file.size() - at)));
        read(bytes, at);
        return target.write(bytes.flip());
    }

    @Override
    public long transferFrom(ReadableByteChannel src, long at, long count) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate((int) count);
        src.read(bytes);
        return write(bytes.flip(), at);
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long at, long size) {
        throw new UnsupportedOperationException("no file in memory can be mapped");
    }

    @Override
    public FileLock lock(long at, long size, boolean shared) {
        throw new UnsupportedOperationException("the lock file is a real one");
    }

    @Override
    public FileLock tryLock(long at, long size, boolean shared) {
        throw new UnsupportedOperationException("the lock file is a real one");
    }

    @Override
    protected void implCloseChannel() {
        // Closing makes nothing durable.
    }
}
