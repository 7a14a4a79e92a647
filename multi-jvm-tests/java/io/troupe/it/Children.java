package io.troupe.it;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * The processes that this test JVM started, none of which outlives it, however it ends. A shell reads from a pipe which of
 * them are running; the pipe closes when the JVM exits, crashes or is killed, and then the shell kills those that are left,
 * with their own children.
 */
final class Children {
    private static final String WATCH = "trap '' INT HUP TERM; left=' ';"
            + " while read -r what pid; do case $what in"
            + " started) left=\"$left$pid \" ;;"
            + " ended) left=\"${left%% $pid *} ${left#* $pid }\" ;;"
            + " esac; done;"
            + " for pid in $left; do kill -KILL $(ps -o pid= --ppid $pid) $pid; done 2>/dev/null";

    private static OutputStream watcher;

    private Children() {}

    static Process start(ProcessBuilder builder) throws IOException {
        // Before the child, so that a JVM without watcher has no children.
        tell("");
        Process child = builder.start();
        tell("started " + child.pid());
        return child;
    }

    /** To be called once a child has ended: its number may become another process's. */
    static void ended(Process child) {
        try {
            tell("ended " + child.pid());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static synchronized void tell(String line) throws IOException {
        if (watcher == null) {
            watcher = new ProcessBuilder("sh", "-c", WATCH)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .getOutputStream();
        }
        watcher.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
        watcher.flush();
    }
}
