package io.troupe.journal;

import java.util.Collection;
import java.util.HashSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.Uuid;

/**
 * How far a log dir is with opening the logs that it held at its start, for a person who waits for thousands of them: a line
 * every {@link #INTERVAL_NS} and one at the end, if there was one before or some had to be checked. Safe from any thread;
 * time comes in as {@code nowNs}, of {@link System#nanoTime}.
 */
final class OpeningProgress {
    static final long INTERVAL_NS = TimeUnit.SECONDS.toNanos(3);

    // Not opened yet; a voter's log is none of those that anybody waits for.
    private final Set<LogId> due;
    private final int all;
    private int checked;
    private boolean begun;
    private long beginNs;
    private long toldNs;

    OpeningProgress(Collection<LogId> logs) {
        due = new HashSet<>(logs);
        due.removeIf(id -> id.topicId().equals(Uuid.METADATA_TOPIC_ID));
        all = due.size();
    }

    /** An opening begins. */
    synchronized void begin(long nowNs) {
        if (!begun) {
            begun = true;
            beginNs = nowNs;
            toldNs = nowNs;
        }
    }

    /**
     * A log is open.
     *
     * @param wasChecked whether its records had to be read
     * @return what is to be told now
     */
    synchronized Optional<String> opened(LogId id, boolean wasChecked, long nowNs) {
        if (!due.remove(id)) {
            return Optional.empty();
        }
        checked += wasChecked ? 1 : 0;
        boolean toldBefore = toldNs != beginNs;
        long tookMs = TimeUnit.NANOSECONDS.toMillis(nowNs - beginNs);
        if (due.isEmpty()) {
            return checked > 0 || toldBefore
                    ? Optional.of(
                            line("opened all %,d logs in %,d ms; the tails of %,d were checked", all, tookMs, checked))
                    : Optional.empty();
        }
        if (nowNs - toldNs < INTERVAL_NS) {
            return Optional.empty();
        }
        toldNs = nowNs;
        return Optional.of(line("opened %,d of %,d logs in %,d ms", all - due.size(), all, tookMs));
    }

    private static String line(String format, Object... numbers) {
        return String.format(Locale.ROOT, format, numbers);
    }
}
