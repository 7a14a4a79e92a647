package io.troupe.embedded;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;

/**
 * A directory for an {@link EmbeddedTroupe}'s data: in memory, in {@code /dev/shm}, where at least {@link #LEAST_FREE_BYTES} are free (a
 * container's is often small, and a broker that finds its disk full is of no use), else below {@code java.io.tmpdir}. It is deleted at the
 * end, also when the JVM ends before; a JVM that is killed leaves it.
 *
 * @param path null for none
 */
record WorkDir(Path path) {
    /** For brokers whose {@code log.dirs} are given. */
    static final WorkDir NONE = new WorkDir(null);

    static final long LEAST_FREE_BYTES = 1L << 30;

    private static final Path MEMORY = Path.of("/dev/shm");
    /** With the process, so that one can tell what nobody uses any more. */
    private static final String PREFIX =
            "troupe-embedded-" + ProcessHandle.current().pid() + "-";

    static WorkDir create() {
        try {
            if (hasRoom(MEMORY)) {
                try {
                    return new WorkDir(Files.createTempDirectory(MEMORY, PREFIX));
                } catch (IOException e) {
                    // Somebody else's; then as if it were not there.
                    return onDisk();
                }
            }
            return onDisk();
        } catch (IOException e) {
            throw new UncheckedIOException("No directory for the brokers' data: " + e.getMessage(), e);
        }
    }

    private static WorkDir onDisk() throws IOException {
        return new WorkDir(Files.createTempDirectory(PREFIX));
    }

    static boolean hasRoom(Path memory) {
        try {
            return Files.isWritable(memory) && Files.getFileStore(memory).getUsableSpace() >= LEAST_FREE_BYTES;
        } catch (IOException e) {
            return false;
        }
    }

    Path of(int broker) {
        return path.resolve("broker-" + broker);
    }

    /** With all that is in it, once its brokers have ended. */
    void delete() {
        if (path == null) {
            return;
        }
        try {
            Files.walkFileTree(path, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                /** It may be gone already, by a test's hand. */
                @Override
                public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                    if (failure instanceof NoSuchFileException) {
                        return FileVisitResult.CONTINUE;
                    }
                    throw failure;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path dir, IOException failure) throws IOException {
                    Files.deleteIfExists(dir);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException("The brokers' data stays in " + path + ": " + e.getMessage(), e);
        }
    }
}
