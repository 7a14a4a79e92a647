package io.troupe.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;

/**
 * One seed's life of a log dir: generation after generation is opened, compared with what must be there, worked on, and ends
 * in a power cut in the middle of any operation (an opening's too), in a kill, or in order. All by the seed: threads are
 * {@link StepExecutor}s.
 */
final class PowerLossRun {
    /** Of meta.log, so that it is rewritten now and then. */
    private static final int REWRITE_BYTES = 500;

    private final Random random;
    private final Path root;
    private final StringBuilder story = new StringBuilder();
    private final PowerLossWork work;
    private CrashDisk disk;
    private LogDir dir;
    private StepExecutor fsyncs;
    private StepExecutor background;
    private boolean closeAsked;
    private boolean closed;
    private long brokerEpoch;
    /** What else befalls the disk while it is off. */
    Consumer<CrashDisk> afterCut = disk -> {};

    private int cuts;

    /** @param root a real, empty directory */
    PowerLossRun(long seed, Path root) {
        this(seed, root, CrashDisk.empty(root));
    }

    PowerLossRun(long seed, Path root, CrashDisk disk) {
        this.random = new Random(seed);
        this.work = new PowerLossWork(random, this::tell);
        this.root = root;
        this.disk = disk;
    }

    /** What was done, for a person who looks for the cause. */
    String story() {
        return story.toString();
    }

    int cuts() {
        return cuts;
    }

    /** How often a log was compacted, to its end. */
    long cleanings() {
        return work.cleanings();
    }

    void run(int generations) throws Exception {
        for (int i = 0; i < generations; i++) {
            tell("---- generation " + i);
            disk.cutPowerAfter(
                    random.nextInt(10) == 0 ? Long.MAX_VALUE / 2 : (long) Math.pow(2, random.nextDouble() * 8));
            try {
                start();
                int steps = 1 + random.nextInt(60);
                for (int step = 0; step < steps && !disk.isCut(); step++) {
                    work.step();
                }
                if (!disk.isCut() && random.nextInt(3) == 0) {
                    closeInOrder();
                }
            } catch (IOException | LogDirException e) {
                if (!disk.isCut()) {
                    throw e;
                }
            }
            end();
        }
    }

    private void tell(String what) {
        story.append(what).append('\n');
    }

    // ---- generations ----

    private void start() throws Exception {
        fsyncs = new StepExecutor(false);
        background = new StepExecutor(true);
        dir = null;
        boolean wasClosed = closed;
        closed = false;
        LogDirThreads threads = new LogDirThreads(fsyncs, fsyncs, background);
        dir = LogDir.open(root, 1, Optional.empty(), disk, threads, REWRITE_BYTES);
        boolean anything = false;
        for (ExpectedLog log : work.all()) {
            anything |= log.created;
        }
        tell("start: clean=" + dir.cleanStart() + " of " + dir.knownLogs());
        if (dir.cleanStart() && anything) {
            expect(closeAsked, "a clean start without a clean stop");
            expect(dir.lastBrokerEpoch() == brokerEpoch, "broker epoch " + dir.lastBrokerEpoch());
            work.all().forEach(log -> log.powerLost = false);
        }
        expect(!wasClosed || dir.cleanStart(), "an unclean start after a clean stop");
        closeAsked = false;
        work.begin(disk, dir, fsyncs, background);
    }

    private void closeInOrder() {
        tell("close dir");
        closeAsked = true;
        brokerEpoch++;
        dir.brokerEpoch(brokerEpoch);
        dir.close();
        if (!disk.isCut()) {
            closed = true;
        }
    }

    private void end() throws IOException {
        if (dir != null) {
            dir.abandon();
        }
        boolean cut = disk.isCut() || random.nextInt(3) == 0;
        tell(cut ? "power cut" : closed ? "stopped" : "killed");
        for (ExpectedLog log : work.all()) {
            log.open = false;
            log.incarnation++;
            log.powerLost |= cut;
        }
        if (cut) {
            cuts++;
            disk = disk.survivor(random);
            afterCut.accept(disk);
        }
        if (random.nextInt(4) == 0) {
            tell("the index vanishes");
            Directories.deleteRecursively(root.resolve(IndexStore.DIRECTORY));
        }
    }

    private static void expect(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
