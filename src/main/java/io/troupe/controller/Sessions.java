package io.troupe.controller;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataImage;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;

/**
 * When this controller heard from which broker. Soft: a new controller grants every broker a whole session. Pure; times are
 * monotonic milliseconds. Owned by the Controller.
 */
final class Sessions {
    private record Session(Uuid incarnationId, long heardAtMs) {}

    private final long timeoutMs;
    private final Map<Integer, Session> sessions = new HashMap<>();
    private long startedMs;
    private long lastCheckMs;

    Sessions(long timeoutMs, long nowMs) {
        this.timeoutMs = timeoutMs;
        startedMs = nowMs;
        lastCheckMs = nowMs;
    }

    void registered(int brokerId, Uuid incarnationId, long nowMs) {
        sessions.put(brokerId, new Session(incarnationId, nowMs));
    }

    void heard(int brokerId, long nowMs) {
        sessions.compute(brokerId, (id, s) -> new Session(s == null ? null : s.incarnationId(), nowMs));
    }

    void ended(int brokerId) {
        sessions.remove(brokerId);
    }

    /** Whether that process has registered as this broker, with this controller. */
    boolean isRegistered(int brokerId, Uuid incarnationId) {
        Session s = sessions.get(brokerId);
        return s != null && incarnationId.equals(s.incarnationId());
    }

    /** Whether another process than {@code incarnationId} was heard from as this broker, within the time-out. */
    boolean otherLive(int brokerId, Uuid incarnationId, long nowMs) {
        Session s = sessions.get(brokerId);
        return s != null && !incarnationId.equals(s.incarnationId()) && nowMs - s.heardAtMs() <= timeoutMs;
    }

    /** Unfenced brokers not heard from in time. After a pause of this very process nobody is blamed. */
    List<BrokerImage> expired(MetadataImage image, long nowMs) {
        if (nowMs - lastCheckMs > timeoutMs / 2) {
            startedMs = nowMs;
        }
        lastCheckMs = nowMs;
        return image.brokers().stream()
                .filter(b -> !b.fenced())
                .filter(b -> {
                    Session s = sessions.get(b.brokerId());
                    long since = s == null ? startedMs : Math.max(s.heardAtMs(), startedMs);
                    return nowMs - since > timeoutMs;
                })
                .toList();
    }
}
