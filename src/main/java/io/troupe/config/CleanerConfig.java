package io.troupe.config;

/**
 * How a broker compacts its logs, one thread for each log dir.
 *
 * @param enabled {@code log.cleaner.enable}
 * @param dedupeBufferBytes {@code log.cleaner.dedupe.buffer.size}: the most that one cleaning's map of keys takes, and only
 *     while it lasts
 * @param loadFactor {@code log.cleaner.io.buffer.load.factor}: how full that map may be
 * @param ioBufferBytes {@code log.cleaner.io.buffer.size}: one half for reading, one for writing
 * @param maxBytesPerSecond {@code log.cleaner.io.max.bytes.per.second}: read and written, of all log dirs together
 * @param backoffMs {@code log.cleaner.backoff.ms}: how long a thread rests when no log needs it
 */
public record CleanerConfig(
        boolean enabled,
        long dedupeBufferBytes,
        double loadFactor,
        int ioBufferBytes,
        double maxBytesPerSecond,
        long backoffMs) {

    /** Kafka's. */
    public static final CleanerConfig DEFAULT =
            new CleanerConfig(true, 128L << 20, 0.9, 512 << 10, Double.MAX_VALUE, 15_000);
}
