package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.LogReader.SegmentInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which segments may go: Kafka's rules one by one, and all of them against a plain model of its three passes. */
class RetentionTest {
    private static final OptionalLong NOTHING = OptionalLong.empty();

    /** Segments of ten offsets and 100 bytes each, one for each largest timestamp. */
    private static List<SegmentInfo> segments(long... timestamps) {
        List<SegmentInfo> segments = new ArrayList<>();
        for (int i = 0; i < timestamps.length; i++) {
            segments.add(new SegmentInfo(i * 10L, i * 10L + 10, 100, timestamps[i]));
        }
        return segments;
    }

    @Test
    void aSegmentGoesWhenItsLargestTimestampIsOlderThanRetention() {
        List<SegmentInfo> segments = segments(100, 200, 300);
        assertEquals(NOTHING, Retention.deletableTo(segments, 0, 30, TestBatches.config(50, -1, "delete"), 150));
        assertEquals(
                OptionalLong.of(10), Retention.deletableTo(segments, 0, 30, TestBatches.config(50, -1, "delete"), 151));
        assertEquals(
                OptionalLong.of(20), Retention.deletableTo(segments, 0, 30, TestBatches.config(50, -1, "delete"), 251));
    }

    @Test
    void aYoungSegmentKeepsOlderOnesBehindIt() {
        assertEquals(
                NOTHING, Retention.deletableTo(segments(500, 1, 1), 0, 30, TestBatches.config(50, -1, "delete"), 400));
    }

    @Test
    void theActiveSegmentGoesTooUnlessItIsEmpty() {
        assertEquals(
                OptionalLong.of(20),
                Retention.deletableTo(segments(1, 2), 0, 20, TestBatches.config(50, -1, "delete"), 1000));
        List<SegmentInfo> emptyAtEnd = List.of(new SegmentInfo(0, 10, 100, 1), new SegmentInfo(10, 10, 0, 1));
        assertEquals(
                OptionalLong.of(10),
                Retention.deletableTo(emptyAtEnd, 0, 10, TestBatches.config(50, -1, "delete"), 1000));
        List<SegmentInfo> empty = List.of(new SegmentInfo(10, 10, 0, 1));
        assertEquals(NOTHING, Retention.deletableTo(empty, 10, 10, TestBatches.config(0, 0, "delete"), 1000));
    }

    @Test
    void whatCompactionEmptiedGoesByTheAgeOfItsFile() {
        List<SegmentInfo> segments = List.of(new SegmentInfo(0, 0, 0, 1), new SegmentInfo(10, 20, 100, 900));
        assertEquals(
                OptionalLong.of(10),
                Retention.deletableTo(segments, 0, 20, TestBatches.config(50, -1, "compact", "delete"), 900));
    }

    @Test
    void nothingGoesAtOrBeyondTheHighWatermark() {
        assertEquals(
                OptionalLong.of(10),
                Retention.deletableTo(segments(1, 2, 3), 0, 19, TestBatches.config(50, 0, "delete"), 1000));
        assertEquals(
                NOTHING, Retention.deletableTo(segments(1, 2, 3), 0, 9, TestBatches.config(50, 0, "delete"), 1000));
    }

    @Test
    void sizeNeverFallsBelowRetentionBytes() {
        List<SegmentInfo> segments = segments(1, 1, 1, 1);
        assertEquals(NOTHING, Retention.deletableTo(segments, 0, 40, TestBatches.config(-1, 301, "delete"), 1));
        assertEquals(
                OptionalLong.of(10), Retention.deletableTo(segments, 0, 40, TestBatches.config(-1, 300, "delete"), 1));
        assertEquals(
                OptionalLong.of(20), Retention.deletableTo(segments, 0, 40, TestBatches.config(-1, 199, "delete"), 1));
        assertEquals(
                OptionalLong.of(40), Retention.deletableTo(segments, 0, 40, TestBatches.config(-1, 0, "delete"), 1));
    }

    @Test
    void withoutThePolicyOnlyWhatLiesBelowTheLogStartGoes() {
        assertEquals(
                NOTHING, Retention.deletableTo(segments(1, 1, 1), 9, 30, TestBatches.config(0, 0, "compact"), 1000));
        assertEquals(
                OptionalLong.of(20),
                Retention.deletableTo(segments(1, 1, 1), 25, 30, TestBatches.config(0, 0, "compact"), 1000));
        assertEquals(NOTHING, Retention.deletableTo(segments(1), 10, 10, TestBatches.config(-1, -1, "delete"), 1000));
    }

    @Test
    void minusOneIsNoLimit() {
        assertEquals(
                NOTHING,
                Retention.deletableTo(segments(1, 1), 0, 20, TestBatches.config(-1, -1, "delete"), Long.MAX_VALUE));
    }

    /** The three passes as Kafka describes them, each from the front of what the one before left. */
    private static long model(List<SegmentInfo> segments, long start, long hw, LogConfig config, long nowMs) {
        List<SegmentInfo> left = new ArrayList<>(segments);
        boolean deletes = config.cleanupPolicy().contains("delete");
        pass(left, hw, (segment, next) -> next != null && next.baseOffset() <= start);
        if (deletes && config.retentionBytes() >= 0) {
            long[] excess = {left.stream().mapToLong(SegmentInfo::sizeInBytes).sum() - config.retentionBytes()};
            pass(left, hw, (segment, next) -> {
                if (excess[0] - segment.sizeInBytes() < 0) {
                    return false;
                }
                excess[0] -= segment.sizeInBytes();
                return true;
            });
        }
        if (deletes && config.retentionMs() >= 0) {
            pass(left, hw, (segment, next) -> nowMs - segment.largestTimestampMs() > config.retentionMs());
        }
        return segments.size() == left.size()
                ? -1
                : left.isEmpty()
                        ? segments.get(segments.size() - 1).endOffset()
                        : left.get(0).baseOffset();
    }

    private interface Goes {
        boolean test(SegmentInfo segment, SegmentInfo next);
    }

    private static void pass(List<SegmentInfo> left, long hw, Goes goes) {
        while (!left.isEmpty()) {
            SegmentInfo segment = left.get(0);
            SegmentInfo next = left.size() > 1 ? left.get(1) : null;
            long end = next == null ? segment.endOffset() : next.baseOffset();
            boolean emptyActive = next == null && segment.sizeInBytes() == 0;
            if (hw < end || emptyActive || !goes.test(segment, next)) {
                return;
            }
            left.remove(0);
        }
    }

    @Test
    void agreesWithTheThreePassesAndDoesNothingTwice() {
        for (long seed = 1; seed <= 3_000; seed++) {
            Random random = new Random(seed);
            List<SegmentInfo> segments = new ArrayList<>();
            long base = random.nextInt(5);
            for (int i = 1 + random.nextInt(6); i > 0; i--) {
                boolean empty = random.nextInt(6) == 0;
                long end = base + (empty ? 0 : 1 + random.nextInt(9));
                segments.add(new SegmentInfo(base, end, empty ? 0 : 1 + random.nextInt(200), random.nextInt(100)));
                base = end + (empty || random.nextInt(4) == 0 ? 1 + random.nextInt(3) : 0);
            }
            long first = segments.get(0).baseOffset();
            long last = segments.get(segments.size() - 1).endOffset();
            long hw = first + random.nextInt((int) (last - first) + 1);
            long start = Math.min(hw, first + random.nextInt(10));
            String[] policy = random.nextBoolean()
                    ? new String[] {"delete"}
                    : random.nextBoolean() ? new String[] {"compact"} : new String[] {"compact", "delete"};
            LogConfig config = TestBatches.config(
                    Math.max(-1, random.nextInt(60) - 10), Math.max(-1, random.nextInt(700) - 50), policy);
            long nowMs = random.nextInt(150);
            OptionalLong to = Retention.deletableTo(segments, start, hw, config, nowMs);
            assertEquals(model(segments, start, hw, config, nowMs), to.orElse(-1), "seed " + seed);
            assertTrue(to.orElse(-1) <= hw, "seed " + seed);
            if (to.isPresent()) {
                List<SegmentInfo> left = new ArrayList<>(segments);
                left.removeIf(s -> s.endOffset() <= to.getAsLong() && s.baseOffset() < to.getAsLong());
                if (!left.isEmpty()) {
                    assertEquals(
                            NOTHING,
                            Retention.deletableTo(left, Math.max(start, to.getAsLong()), hw, config, nowMs),
                            "seed " + seed);
                }
            }
        }
    }
}
