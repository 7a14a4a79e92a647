package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.CleaningChoice.Candidate;
import io.troupe.journal.CleaningChoice.LogFacts;
import io.troupe.journal.CleaningChoice.SegmentFacts;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CleaningChoiceTest {
    private static final long NOW = 1_000_000;
    private static final long NEVER = Long.MAX_VALUE;

    private static LogConfig config(long minLagMs, long maxLagMs, double ratio) {
        return CompactedLog.config(1000, minLagMs, maxLagMs, ratio);
    }

    /** Ten offsets and 100 bytes each; timestamps ascend by 1000 up to 1000 before now. */
    private static List<SegmentFacts> segments(int count) {
        List<SegmentFacts> segments = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long ms = NOW - 1000L * (count - i);
            segments.add(new SegmentFacts(i * 10, i * 10 + 10, 100, ms - 10, ms));
        }
        return segments;
    }

    private static Optional<Candidate<String>> candidate(int segments, long cleanedTo, long bound, LogConfig config) {
        return CleaningChoice.candidate(new LogFacts<>("log", segments(segments), 0, cleanedTo, bound, config), NOW);
    }

    @Test
    void theRatioMustBeAboveTheSetting() {
        assertTrue(candidate(10, 50, NEVER, config(0, NEVER, 0.5)).isEmpty(), "exactly one half");
        Candidate<String> found =
                candidate(10, 50, NEVER, config(0, NEVER, 0.49)).orElseThrow();
        assertEquals(new Candidate<>("log", 50, 100, 0.5, 500, 0), found);
    }

    @Test
    void aLogThatIsCleanOrNotCompactedIsNotChosen() {
        assertTrue(candidate(10, 100, NEVER, config(0, NEVER, 0)).isEmpty());
        assertTrue(candidate(0, 0, NEVER, config(0, NEVER, 0)).isEmpty());
        LogConfig deleting = JournalFixture.config(1000, Long.MAX_VALUE);
        assertTrue(candidate(10, 0, NEVER, deleting).isEmpty());
    }

    @Test
    void nothingAtOrAboveTheBoundIsCleaned() {
        assertEquals(60, candidate(10, 0, 69, config(0, NEVER, 0)).orElseThrow().firstUncleanable());
        assertEquals(70, candidate(10, 0, 70, config(0, NEVER, 0)).orElseThrow().firstUncleanable());
        assertTrue(candidate(10, 0, 9, config(0, NEVER, 0)).isEmpty());
    }

    @Test
    void theMinimumLagKeepsYoungSegments() {
        assertEquals(
                80,
                candidate(10, 0, NEVER, config(2001, NEVER, 0)).orElseThrow().firstUncleanable());
        assertEquals(
                90,
                candidate(10, 0, NEVER, config(2000, NEVER, 0)).orElseThrow().firstUncleanable());
        assertTrue(candidate(10, 0, NEVER, config(100_000, NEVER, 0)).isEmpty());
    }

    @Test
    void theMaximumLagOverridesTheRatio() {
        // The first dirty segment's first timestamp lies 5010 ms back.
        assertTrue(candidate(10, 50, NEVER, config(0, 5010, 0.9)).isEmpty());
        Candidate<String> found = candidate(10, 50, NEVER, config(0, 5009, 0.9)).orElseThrow();
        assertEquals(1, found.delayMs());
        assertEquals(50, found.firstDirty());
    }

    @Test
    void aSegmentThatIsHalfCleanCountsAsDirty() {
        Candidate<String> found = candidate(2, 5, NEVER, config(0, NEVER, 0)).orElseThrow();
        assertEquals(5, found.firstDirty());
        assertEquals(1.0, found.dirtyRatio());
    }

    @Test
    void whatLiesBelowTheLogStartIsNotDirty() {
        LogFacts<String> facts = new LogFacts<>("log", segments(10), 95, 0, NEVER, config(0, NEVER, 0));
        assertEquals(95, CleaningChoice.candidate(facts, NOW).orElseThrow().firstDirty());
    }

    @Test
    void theDirtiestIsChosen() {
        List<LogFacts<String>> logs = List.of(
                new LogFacts<>("half", segments(10), 0, 50, NEVER, config(0, NEVER, 0)),
                new LogFacts<>("all", segments(3), 0, 0, NEVER, config(0, NEVER, 0)),
                new LogFacts<>("most", segments(10), 0, 10, NEVER, config(0, NEVER, 0)));
        assertEquals("all", CleaningChoice.choose(logs, NOW).orElseThrow().log());
        assertTrue(CleaningChoice.choose(List.<LogFacts<String>>of(), NOW).isEmpty());
    }

    @Test
    void whatIsChosenIsAlwaysWithinBounds() {
        Random random = new Random(5);
        for (int i = 0; i < 20_000; i++) {
            int count = random.nextInt(12);
            long start = random.nextInt(120);
            long cleaned = random.nextInt(130);
            long bound = random.nextInt(130);
            long minLag = random.nextInt(3) * random.nextInt(9000);
            LogConfig config =
                    config(minLag, random.nextBoolean() ? NEVER : 1 + random.nextInt(9000), random.nextDouble());
            LogFacts<String> facts = new LogFacts<>("log", segments(count), start, cleaned, bound, config);
            CleaningChoice.candidate(facts, NOW).ifPresent(c -> {
                assertTrue(c.firstDirty() >= start && c.firstDirty() >= cleaned);
                assertTrue(c.firstUncleanable() > c.firstDirty() && c.firstUncleanable() <= bound);
                assertTrue(c.dirtyRatio() > 0 && c.dirtyRatio() <= 1);
                assertTrue(c.delayMs() > 0 || c.dirtyRatio() > config.minCleanableDirtyRatio());
                assertFalse(facts.segments().stream()
                        .anyMatch(s -> s.endOffset() > c.firstDirty()
                                && s.endOffset() <= c.firstUncleanable()
                                && minLag > 0
                                && s.maxTimestampMs() > NOW - minLag));
            });
        }
    }
}
