package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Power cuts at thousands of seeded points of a log dir's life. Everything acknowledged as durable is there again, nothing
 * is half there. {@code -Drounds=} makes the hunt longer, {@code -Dseed=} replays one round.
 */
@Timeout(120)
class PowerLossTest {
    private static final int GENERATIONS = 20;

    /** In memory where the system has such a place: LevelDB stands on it, and opens often. */
    private static Path scratch() throws IOException {
        Path memory = Path.of("/dev/shm");
        return Files.isWritable(memory)
                ? Files.createTempDirectory(memory, "powerloss")
                : Files.createTempDirectory("powerloss");
    }

    private static int round(long seed, int generations) throws Exception {
        Path root = scratch();
        PowerLossRun run = new PowerLossRun(seed, root);
        try {
            run.run(generations);
            return run.cuts;
        } catch (Throwable e) {
            throw new AssertionError("replay with -Dseed=" + seed + "\n" + run.story(), e);
        } finally {
            Directories.deleteRecursively(root);
        }
    }

    @Test
    void nothingDurableIsLostAndNothingIsHalfThereWhereverThePowerIsCut() throws Exception {
        long only = Long.getLong("seed", -1);
        if (only >= 0) {
            round(only, GENERATIONS);
            return;
        }
        int cuts = 0;
        long rounds = Long.getLong("rounds", 100);
        for (long seed = 0; seed < rounds; seed++) {
            cuts += round(seed, GENERATIONS);
        }
        assertTrue(cuts > rounds * GENERATIONS / 3, cuts + " cuts");
    }
}
