package io.troupe.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Directories with little room, or that turn read-only: file systems of their own, for which a test needs the right to mount. */
final class SmallDisk {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long IMAGE_BYTES = 64 << 20;

    private SmallDisk() {}

    /** Fails or skips the test, as {@link Need} has it, when that is not allowed here. @param size as mount wants it: 8m */
    static void mount(Path at, String size) throws IOException {
        Files.createDirectories(at);
        Need.program("mount");
        Run.Result done =
                Run.command(List.of("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", at.toString()), null, LIMIT);
        if (done.exitCode() != 0) {
            Need.missing("the right to mount a small tmpfs (" + done.stderr().strip() + ")");
        }
    }

    static void resize(Path at, String size) {
        remount(at, "size=" + size);
    }

    /** Of a tmpfs in which no file is open for writing: the system refuses it otherwise. */
    static void makeReadOnly(Path at) {
        remount(at, "ro");
    }

    static void makeWritable(Path at) {
        remount(at, "rw");
    }

    /**
     * A new ext4 in a file of 64 MiB. Skips the test when that cannot be mounted here.
     *
     * @param image where that file is to be
     */
    static void mountExt4(Path at, Path image) throws IOException {
        Files.createDirectories(at);
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(IMAGE_BYTES);
        }
        Run.command(List.of(Need.program("mkfs.ext4").toString(), "-q", image.toString()), null, LIMIT)
                .orFail();
        Run.Result done = mountLoop(at, image);
        // Containers mostly have no loop devices, and no package brings them, so that this skips on a build server,
        // too.
        assumeTrue(
                done.exitCode() == 0,
                () -> "a file system in a file cannot be mounted here ("
                        + done.stderr().strip() + ")");
    }

    /** What such a file holds, as it was left. */
    static void mountImage(Path at, Path image) {
        mountLoop(at, image).orFail();
    }

    private static Run.Result mountLoop(Path at, Path image) {
        return Run.command(List.of("mount", "-o", "loop", image.toString(), at.toString()), null, LIMIT);
    }

    /**
     * What an ext4 does by itself when its disk fails: nothing can be written any more, to open files neither, and what was not
     * forced never comes to the disk. It stays so until it is mounted anew.
     */
    static void abort(Path ext4) {
        remount(ext4, "abort");
    }

    private static void remount(Path at, String option) {
        Run.command(List.of("mount", "-o", "remount," + option, at.toString()), null, LIMIT)
                .orFail();
    }

    /** Nothing when nothing is mounted there. */
    static void unmount(Path at) {
        Run.command(List.of("umount", at.toString()), null, LIMIT);
    }
}
