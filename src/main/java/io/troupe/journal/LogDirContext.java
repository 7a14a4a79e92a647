package io.troupe.journal;

import java.nio.file.Path;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;

/**
 * What all logs of one log dir share. Each part is safe from any thread.
 *
 * @param metaFlusher forces {@code meta.log}
 * @param fsyncs threads that may wait for a disk
 * @param background one thread for what nobody waits for, in order; refuses work once the dir is being closed
 */
record LogDirContext(
        Path path,
        Disk disk,
        MetaLog metaLog,
        SharedFsync metaFlusher,
        IndexStore indexes,
        IndexCache cache,
        Availability availability,
        Executor fsyncs,
        ScheduledExecutorService background) {}
