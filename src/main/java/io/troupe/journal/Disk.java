package io.troupe.journal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;

/**
 * The way to everything that a log dir holds but its lock and its index: files, and the names in directories. What is opened
 * here is read, written and fsynced through the channel it gives. Tests put a failing disk in its place, or one whose power
 * is cut. Safe from any thread.
 */
interface Disk {
    /** The real one. */
    Disk SYSTEM = new Disk() {};

    /** The real one, with counters of its own. */
    static Disk real() {
        JournalStats stats = new JournalStats();
        return new Disk() {
            @Override
            public JournalStats stats() {
                return stats;
            }
        };
    }

    default JournalStats stats() {
        return JournalStats.DISCARDED;
    }

    default FileChannel open(Path file, OpenOption... options) throws IOException {
        return FileChannel.open(file, options);
    }

    default boolean exists(Path path) {
        return Files.exists(path);
    }

    default boolean isDirectory(Path path) {
        return Files.isDirectory(path);
    }

    default long size(Path file) throws IOException {
        return Files.size(file);
    }

    default long lastModifiedMs(Path file) throws IOException {
        return Files.getLastModifiedTime(file).toMillis();
    }

    /** What stands in a directory, in no order. */
    default List<Path> list(Path dir) throws IOException {
        try (Stream<Path> entries = Files.list(dir)) {
            return entries.toList();
        }
    }

    /** Makes a directory with those above it; does nothing when it is there. Durable once those above it are forced. */
    default void createDirectories(Path dir) throws IOException {
        Files.createDirectories(dir);
    }

    /** Atomic; takes the place of a file that has the new name. */
    default void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Deletes a file; false when there is none. */
    default boolean delete(Path file) throws IOException {
        return Files.deleteIfExists(file);
    }

    /** Deletes a directory with all that is in it, if it is there. */
    default void deleteTree(Path dir) throws IOException {
        Directories.deleteRecursively(dir);
    }

    /** Makes what was written through a channel durable; with its size and times, when {@code metadata}. */
    default void force(FileChannel channel, boolean metadata) throws IOException {
        channel.force(metadata);
        stats().fsyncs.increment();
    }

    /** Makes names created, renamed or removed in {@code dir} survive a power loss. */
    default void forceDirectory(Path dir) throws IOException {
        Directories.forceDirectory(dir);
        stats().directoryFsyncs.increment();
    }
}
