package io.troupe.journal;

import io.troupe.fixture.UnusedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;

/** A channel on a {@link CrashFile}, which it keeps when the name is gone. */
final class CrashChannel extends UnusedFile {
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
    protected void implCloseChannel() {
        // Closing makes nothing durable.
    }
}
