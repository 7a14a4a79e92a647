package io.troupe.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a log dir may still be written. The first write or fsync that fails ends that for good: what the page cache holds
 * after that is anybody's guess, so nothing is tried again; reads go on. Safe from any thread.
 */
final class Availability {
    private static final Logger LOG = LoggerFactory.getLogger(Availability.class);

    private final Path path;
    private volatile IOException offline;
    private final List<Runnable> listeners = new ArrayList<>();

    Availability(Path path) {
        this.path = path;
    }

    /** @throws IOException when the dir is offline, with the reason */
    void check() throws IOException {
        IOException reason = offline;
        if (reason != null) {
            // A new one each time: it may be thrown and amended by several threads.
            throw new IOException(reason.getMessage(), reason.getCause());
        }
    }

    /** Takes the dir offline; returns what to answer. */
    synchronized IOException fail(IOException cause) {
        if (offline == null) {
            offline = new IOException("log dir " + path + " is offline: " + LogDir.reason(cause), cause);
            LOG.error(
                    "Log dir {} goes offline: {}. Nothing more is written to it; repair the disk and restart the broker.",
                    path,
                    LogDir.reason(cause),
                    cause);
            listeners.forEach(Runnable::run);
        }
        return offline;
    }

    /** @param onFailure called once, by whichever thread finds out: at once when the dir is offline already */
    synchronized void onFailure(Runnable onFailure) {
        listeners.add(onFailure);
        if (offline != null) {
            onFailure.run();
        }
    }

    /** A log that was closed or deleted under a background task says nothing about the disk. */
    IOException fail(PartitionLog log, IOException cause) {
        return log.retired() && !(cause instanceof DiskFailedException)
                ? new IOException("the log " + log.path() + " was closed meanwhile", cause)
                : fail(cause);
    }

    boolean isOffline() {
        return offline != null;
    }
}
