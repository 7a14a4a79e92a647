package io.troupe.controller;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * What lies between the actors of several nodes in one JVM: it loses, repeats, delays (and so reorders) what it carries,
 * brings old messages once more, and may be cut between any two places, in one direction or both. Any thread; the choices
 * are a seed's, but threads race for them.
 */
public final class FaultyNetwork implements AutoCloseable {
    private static final int REMEMBERED = 100;
    private static final int MAX_DELAY_MS = 250;

    private record Way(int from, int to) {}

    private final ScheduledExecutorService later = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "faulty-network");
        thread.setDaemon(true);
        return thread;
    });
    private final Set<Way> cut = new HashSet<>();
    private final Map<Way, List<Runnable>> carried = new HashMap<>();
    private final Random random;
    private double trouble;

    public FaultyNetwork(long seed) {
        random = new Random(seed);
    }

    /** @param likely how likely each kind of trouble is for a message, 0 to 1 */
    public synchronized void trouble(double likely) {
        trouble = likely;
    }

    /** Nothing passes in that direction from now on. */
    public synchronized void cut(int from, int to) {
        cut.add(new Way(from, to));
    }

    /** Nor in the other. */
    public void separate(int one, int other) {
        cut(one, other);
        cut(other, one);
    }

    public synchronized void healAll() {
        cut.clear();
        trouble = 0;
    }

    public synchronized boolean isCut(int from, int to) {
        return cut.contains(new Way(from, to));
    }

    /** @param delivery what arriving does; may be done never, later, and more than once */
    public void carry(int from, int to, Runnable delivery) {
        List<Runnable> now = new ArrayList<>();
        synchronized (this) {
            Way way = new Way(from, to);
            if (cut.contains(way)) {
                return;
            }
            List<Runnable> before = carried.computeIfAbsent(way, key -> new ArrayList<>());
            if (hit(0.5) && !before.isEmpty()) {
                now.add(before.get(random.nextInt(before.size())));
            }
            if (before.size() < REMEMBERED) {
                before.add(delivery);
            } else {
                before.set(random.nextInt(REMEMBERED), delivery);
            }
            if (!hit(1)) {
                for (int copies = hit(1) ? 2 : 1; copies > 0; copies--) {
                    if (hit(1)) {
                        later.schedule(delivery, random.nextInt(MAX_DELAY_MS), TimeUnit.MILLISECONDS);
                    } else {
                        now.add(delivery);
                    }
                }
            }
        }
        now.forEach(Runnable::run);
    }

    private boolean hit(double weight) {
        return trouble > 0 && random.nextDouble() < trouble * weight;
    }

    /** Does something on the network's thread. */
    public void later(Runnable what, long inMs) {
        later.schedule(what, inMs, TimeUnit.MILLISECONDS);
    }

    @Override
    public void close() {
        later.shutdownNow();
    }
}
