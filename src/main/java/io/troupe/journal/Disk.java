package io.troupe.journal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;

/**
 * The way to a log dir's files that are written: what is opened here is written and fsynced through the channel it gives.
 * Tests put a failing disk in its place. Safe from any thread.
 */
interface Disk {
    /** The real one. */
    Disk SYSTEM = new Disk() {};

    default FileChannel open(Path file, OpenOption... options) throws IOException {
        return FileChannel.open(file, options);
    }

    /** Makes names created, renamed or removed in {@code dir} survive a power loss. */
    default void forceDirectory(Path dir) throws IOException {
        Directories.forceDirectory(dir);
    }
}
