package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/**
 * Power cuts at thousands of seeded points of a log dir's life, cleanings of compacted logs among them. Everything
 * acknowledged as durable is there again, or the last value of its key; nothing is half there. {@code -Drounds=} makes the hunt longer, {@code -Dfirst=} has it begin elsewhere,
 * {@code -Dseed=} replays one round.
 */
@Timeout(600)
class PowerLossTest {
    private static final int GENERATIONS = 20;

    /** Thousands of dirs that go offline would fill the build's log; one that is replayed tells all. */
    @BeforeAll
    static void quiet() {
        level(Long.getLong("seed") == null ? Level.OFF : null);
    }

    @AfterAll
    static void loud() {
        level(null);
    }

    private static void level(Level level) {
        ((Logger) LoggerFactory.getLogger("io.troupe.journal")).setLevel(level);
    }

    /** In memory where the system has such a place: LevelDB stands on it, and opens often. */
    private static Path scratch() throws IOException {
        Path memory = Path.of("/dev/shm");
        return Files.isWritable(memory)
                ? Files.createTempDirectory(memory, "powerloss")
                : Files.createTempDirectory("powerloss");
    }

    private static PowerLossRun round(long seed, int generations) throws Exception {
        Path root = scratch();
        PowerLossRun run = new PowerLossRun(seed, root);
        try {
            run.run(generations);
            return run;
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
        long cleanings = 0;
        long rounds = Long.getLong("rounds", 150);
        long first = Long.getLong("first", 0);
        for (long seed = first; seed < first + rounds; seed++) {
            PowerLossRun run = round(seed, GENERATIONS);
            cuts += run.cuts();
            cleanings += run.cleanings();
        }
        assertTrue(cleanings > rounds, cleanings + " cleanings");
        assertTrue(cuts > rounds * GENERATIONS * 2 / 3, cuts + " cuts");
    }

    /** The first complaint about a life of the kind that is due, of as many as it takes. */
    private static String complaint(Consumer<PowerLossRun> flaw, boolean lyingDisk, Predicate<String> due)
            throws Exception {
        for (long seed = 0; seed < 60; seed++) {
            Path root = scratch();
            PowerLossRun run = new PowerLossRun(seed, root, lyingDisk ? CrashDisk.lying(root) : CrashDisk.empty(root));
            flaw.accept(run);
            try {
                run.run(GENERATIONS);
            } catch (AssertionError | IOException e) {
                if (due.test(e.getMessage())) {
                    return e.getMessage();
                }
            } finally {
                Directories.deleteRecursively(root);
            }
        }
        return "nothing noticed";
    }

    @Test
    void aDiskThatIgnoresTheFsyncOfSegmentsIsFoundOut() throws Exception {
        Predicate<String> lost = what -> what.contains("were durable");
        String what = complaint(run -> {}, true, lost);
        assertTrue(lost.test(what), what);
    }

    /** What a recovery would be that trusts everything: told that all is durable, it checks no CRC of closed segments. */
    @Test
    void aRecoveryThatChecksNoCrcIsFoundOut() throws Exception {
        Predicate<String> spoilt = what -> what.contains("is corrupt") || what.contains("not the one that was written");
        String what = complaint(run -> run.afterCut = PowerLossTest::everythingIsCalledDurable, false, spoilt);
        assertTrue(spoilt.test(what), what);
    }

    private static void everythingIsCalledDurable(CrashDisk disk) {
        try (MetaLog metaLog = MetaLog.open(disk.root(), disk)) {
            for (LogId id : metaLog.ids()) {
                metaLog.append(MetaRecord.of(Kind.RECOVERY_POINT, id, Long.MAX_VALUE, 0));
            }
            metaLog.force();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
