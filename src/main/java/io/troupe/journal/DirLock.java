package io.troupe.journal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The {@code .lock} file of a log dir: held by the one process that uses it, let go by the system when that dies. */
final class DirLock implements AutoCloseable {
    static final String FILE = ".lock";

    private final FileChannel channel;

    private DirLock(FileChannel channel) {
        this.channel = channel;
    }

    /** @throws LogDirException when another broker, in this process or another, holds it */
    static DirLock acquire(Path dir) throws IOException {
        FileChannel channel = FileChannel.open(dir.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        } catch (IOException e) {
            channel.close();
            throw e;
        }
        if (lock == null) {
            channel.close();
            throw new LogDirException(
                    "Log dir " + dir
                            + " is in use by another running broker. Stop that one, or give each broker its own log.dirs.",
                    null);
        }
        return new DirLock(channel);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
