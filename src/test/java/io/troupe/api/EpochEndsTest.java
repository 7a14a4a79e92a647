package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.partition.LogView;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Epochs are found by halving; what is found is held against what KIP-101 says of each epoch and offset. */
class EpochEndsTest {
    private static final long END = 1000;

    private static LogView view(List<EpochStart> epochs) {
        return new LogView(null, 100, 0, END, END, END, true, epochs, null);
    }

    /** Epochs 2, 5, 8 ..., which begin at 10, 20, 30 ... */
    private static List<EpochStart> epochs(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new EpochStart(2 + 3 * i, 10 * (i + 1)))
                .toList();
    }

    @Test
    void anEpochEndsWhereTheNextOneBegins() {
        for (int count = 0; count < 20; count++) {
            LogView view = view(epochs(count));
            for (int asked = -1; asked < 3 * count + 5; asked++) {
                int number = asked < 2 ? -1 : Math.min(count - 1, (asked - 2) / 3);
                EpochEnds expected;
                if (asked < 0 || count == 0) {
                    expected = new EpochEnds(-1, -1);
                } else if (number == -1) {
                    expected = new EpochEnds(asked, 10);
                } else if (number < count - 1) {
                    expected = new EpochEnds(2 + 3 * number, 10 * (number + 2));
                } else {
                    boolean last = asked == 2 + 3 * number;
                    expected = last ? new EpochEnds(asked, END) : new EpochEnds(-1, -1);
                }
                assertEquals(expected, EpochEnds.of(view, asked), count + " epochs, asked for " + asked);
            }
        }
    }

    @Test
    void anOffsetIsOfTheLastEpochThatBeganBeforeIt() {
        for (int count = 0; count < 20; count++) {
            LogView view = view(epochs(count));
            for (int offset = 0; offset < 10 * count + 25; offset++) {
                int number = Math.min(count - 1, offset / 10 - 1);
                assertEquals(number < 0 ? -1 : 2 + 3 * number, EpochEnds.epochAt(view, offset), "at " + offset);
            }
        }
    }
}
