package io.troupe.protocol;

import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;

/**
 * A log that a hostile or broken peer cannot fill: one line per key and minute, with the number of lines left out. Any
 * thread; remembers {@link #MAX_KEYS} keys.
 */
public final class RateLimitedLog {
    static final long INTERVAL_NANOS = 60_000_000_000L;
    static final int MAX_KEYS = 1024;

    private static final class Entry {
        long lastNanos;
        long suppressed;
    }

    private final Logger log;
    private final Map<String, Entry> entries = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Entry> eldest) {
            return size() > MAX_KEYS;
        }
    };

    public RateLimitedLog(Logger log) {
        this.log = log;
    }

    /** @param key says which lines count as alike; bounded by what the broker and the network give, not by what a peer writes */
    public void warn(String key, String message) {
        long suppressed = admit(key, System.nanoTime());
        if (suppressed == 0) {
            log.warn("{}", message);
        } else if (suppressed > 0) {
            log.warn("{} (and {} more like it since the last such line)", message, suppressed);
        }
    }

    /** Lines left out since the last one, or -1 when this one is to be left out too. */
    synchronized long admit(String key, long nowNanos) {
        Entry entry = entries.get(key);
        if (entry == null) {
            entry = new Entry();
            entry.lastNanos = nowNanos;
            entries.put(key, entry);
            return 0;
        }
        if (nowNanos - entry.lastNanos < INTERVAL_NANOS) {
            entry.suppressed++;
            return -1;
        }
        long suppressed = entry.suppressed;
        entry.lastNanos = nowNanos;
        entry.suppressed = 0;
        return suppressed;
    }
}
