package io.troupe.journal;

import java.nio.file.Path;
import java.util.List;
import org.apache.kafka.common.Uuid;

/**
 * What a log dir holds, at one moment.
 *
 * @param offline whether it is out of service after a failed write or fsync; then nothing else is known of it
 * @param logs the partitions' logs that are open there, in no order
 * @param totalBytes of the file system it is in, -1 when not known
 * @param usableBytes of it that this process may still write, -1 when not known
 */
public record LogDirUsage(Path path, boolean offline, List<Log> logs, long totalBytes, long usableBytes) {
    static final long UNKNOWN = -1;

    /** @param sizeInBytes of its segments */
    public record Log(Uuid topicId, int partition, long sizeInBytes) {}
}
