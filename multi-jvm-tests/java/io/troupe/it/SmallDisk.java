package io.troupe.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Directories with little room: mounts of tmpfs, for which a test needs the right. */
final class SmallDisk {
    private static final Duration LIMIT = Duration.ofSeconds(60);

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
        Run.command(List.of("mount", "-o", "remount,size=" + size, at.toString()), null, LIMIT)
                .orFail();
    }

    /** Nothing when nothing is mounted there. */
    static void unmount(Path at) {
        Run.command(List.of("umount", at.toString()), null, LIMIT);
    }
}
