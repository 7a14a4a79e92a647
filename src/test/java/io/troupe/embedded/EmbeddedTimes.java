package io.troupe.embedded;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Measures how long an embedded cluster takes to start, to be made empty, to have a broker stopped in order and started again, and to end, once the JVM is
 * warm: medians of ten after ten. A program, not a test: {@code java -cp 'target/classes:target/test-classes:target/lib/*' io.troupe.embedded.EmbeddedTimes}.
 * Argument: the number of brokers, 1 unless told.
 */
final class EmbeddedTimes {
    private static final int ROUNDS = 10;

    private EmbeddedTimes() {}

    public static void main(String[] args) {
        int brokers = args.length == 0 ? 1 : Integer.parseInt(args[0]);
        List<Long> starts = new ArrayList<>();
        List<Long> resets = new ArrayList<>();
        List<Long> restarts = new ArrayList<>();
        List<Long> stops = new ArrayList<>();
        for (int round = 0; round < 2 * ROUNDS; round++) {
            EmbeddedTroupe[] troupe = new EmbeddedTroupe[1];
            starts.add(ms(() -> troupe[0] = EmbeddedTroupe.start(brokers)));
            resets.add(ms(troupe[0]::reset));
            restarts.add(ms(() -> troupe[0].restart(1)));
            stops.add(ms(troupe[0]::close));
        }
        System.out.println("start " + median(starts) + " ms, reset " + median(resets) + " ms, restart in order "
                + median(restarts) + " ms, close " + median(stops) + " ms; first start " + starts.get(0) + " ms");
        System.out.println("starts " + starts + ", closes " + stops);
    }

    private static long ms(Runnable work) {
        long before = System.nanoTime();
        work.run();
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before);
    }

    private static long median(List<Long> all) {
        List<Long> warm = new ArrayList<>(all.subList(ROUNDS, all.size()));
        Collections.sort(warm);
        return (warm.get(ROUNDS / 2 - 1) + warm.get(ROUNDS / 2)) / 2;
    }
}
