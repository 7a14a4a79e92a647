package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** What a person sees of thousands of logs that open. */
class OpeningProgressTest {
    private static final long SECOND_NS = 1_000_000_000;

    private static List<LogId> logs(int count) {
        List<LogId> logs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            logs.add(new LogId(new Uuid(1, 1), i));
        }
        return logs;
    }

    @Test
    void aLineEveryFewSecondsAndOneAtTheEnd() {
        List<LogId> logs = logs(2_000);
        logs.add(new LogId(Uuid.METADATA_TOPIC_ID, 0));
        OpeningProgress progress = new OpeningProgress(logs);
        List<String> told = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            long nowNs = -5 + i * SECOND_NS / 200;
            progress.begin(nowNs);
            progress.opened(logs.get(i), i % 2 == 0, nowNs).ifPresent(told::add);
        }
        assertEquals(
                List.of(
                        "opened 601 of 2,000 logs in 3,000 ms",
                        "opened 1,201 of 2,000 logs in 6,000 ms",
                        "opened 1,801 of 2,000 logs in 9,000 ms",
                        "opened all 2,000 logs in 9,995 ms; the tails of 1,000 were checked"),
                told);
    }

    @Test
    void nothingOfAQuickStartInOrderNorOfLogsMadeOrOpenedLater() {
        List<LogId> logs = logs(2);
        OpeningProgress progress = new OpeningProgress(logs.subList(0, 1));
        progress.begin(0);
        assertEquals(Optional.empty(), progress.opened(logs.get(1), true, 10 * SECOND_NS));
        assertEquals(Optional.empty(), progress.opened(logs.get(0), false, SECOND_NS));
        assertEquals(Optional.empty(), progress.opened(logs.get(0), true, 20 * SECOND_NS));
    }

    @Test
    void whatHadToBeCheckedIsToldHoweverQuickItWas() {
        List<LogId> logs = logs(1);
        OpeningProgress progress = new OpeningProgress(logs);
        progress.begin(0);
        assertEquals(
                Optional.of("opened all 1 logs in 40 ms; the tails of 1 were checked"),
                progress.opened(logs.get(0), true, SECOND_NS / 25));
    }
}
