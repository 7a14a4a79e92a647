package io.troupe.protocol;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.protocol.ApiKeys;

/** How long requests take, by API: from the moment that a frame was read to the one at which its answer is given. Any thread. */
public final class RequestTimes {
    private static final double[] BOUNDS_S = {
        0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, Double.POSITIVE_INFINITY
    };

    /** Of one API; the counts are of each bucket alone, the last one has no bound. */
    public record Histogram(double[] boundsS, long[] counts, double sumS) {}

    private static final class Api {
        final LongAdder[] counts = new LongAdder[BOUNDS_S.length];
        final LongAdder nanos = new LongAdder();

        Api() {
            for (int i = 0; i < counts.length; i++) {
                counts[i] = new LongAdder();
            }
        }
    }

    private final Map<ApiKeys, Api> apis = new EnumMap<>(ApiKeys.class);

    public RequestTimes() {
        for (ApiKeys key : ApiKeys.values()) {
            apis.put(key, new Api());
        }
    }

    void took(ApiKeys key, long nanos) {
        Api api = apis.get(key);
        int bucket = 0;
        double seconds = nanos / 1e9;
        while (seconds > BOUNDS_S[bucket]) {
            bucket++;
        }
        api.counts[bucket].increment();
        api.nanos.add(nanos);
    }

    /** Those that have had a request. */
    public Map<ApiKeys, Histogram> histograms() {
        Map<ApiKeys, Histogram> result = new EnumMap<>(ApiKeys.class);
        apis.forEach((key, api) -> {
            long[] counts = new long[BOUNDS_S.length];
            long sum = 0;
            for (int i = 0; i < counts.length; i++) {
                counts[i] = api.counts[i].sum();
                sum += counts[i];
            }
            if (sum > 0) {
                result.put(key, new Histogram(BOUNDS_S.clone(), counts, api.nanos.sum() / 1e9));
            }
        });
        return result;
    }
}
