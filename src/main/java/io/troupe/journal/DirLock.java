package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The {@code .lock} file of a log dir: held by the one process that uses it, let go by the system when that dies. It holds that process's id,
 * for whoever finds it locked.
 */
final class DirLock implements AutoCloseable {
    static final String FILE = ".lock";

    private static final int MAX_PID_BYTES = 20;

    /**
     * Real paths of the directories that this process holds. Their file must not be opened again: a process loses its lock when it closes
     * any handle of the file.
     */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path realDir;
    private final FileChannel channel;

    private DirLock(Path realDir, FileChannel channel) {
        this.realDir = realDir;
        this.channel = channel;
    }

    /** @throws LogDirException when another broker, in this process or another, holds it */
    static DirLock acquire(Path dir) throws IOException {
        Path realDir = dir.toRealPath();
        if (!HELD.add(realDir)) {
            throw inUse(dir, ", process " + ProcessHandle.current().pid());
        }
        try {
            return new DirLock(realDir, locked(dir));
        } catch (IOException | RuntimeException e) {
            HELD.remove(realDir);
            throw e;
        }
    }

    private static FileChannel locked(Path dir) throws IOException {
        FileChannel channel = FileChannel.open(
                dir.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
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
            String holder = holder(channel);
            channel.close();
            throw inUse(dir, holder);
        }
        try {
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(
                    String.valueOf(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)));
        } catch (IOException e) {
            // A full disk is told by who has something to store on it.
        }
        return channel;
    }

    private static LogDirException inUse(Path dir, String holder) {
        return new LogDirException(
                "Log dir " + dir + " is in use by another running broker" + holder
                        + ". If that is this node, it needs no second start; else stop that one, or give each broker its own"
                        + " log.dirs.",
                null);
    }

    /**
     * Ends with the reason if another process uses this directory, which need not exist.
     *
     * @throws LogDirException as {@link #acquire}
     */
    static void requireFree(Path dir) {
        if (Files.exists(dir.resolve(FILE))) {
            try {
                acquire(dir).close();
            } catch (IOException e) {
                // Why it cannot be used is told when it is opened.
            }
        }
    }

    private static String holder(FileChannel channel) {
        ByteBuffer pid = ByteBuffer.allocate(MAX_PID_BYTES);
        try {
            channel.read(pid, 0);
        } catch (IOException e) {
            return "";
        }
        String text = new String(pid.array(), 0, pid.position(), StandardCharsets.US_ASCII);
        return text.matches("[0-9]+") ? ", process " + text : "";
    }

    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            HELD.remove(realDir);
        }
    }
}
