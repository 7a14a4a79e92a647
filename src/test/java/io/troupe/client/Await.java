package io.troupe.client;

import java.time.Duration;
import java.util.concurrent.Callable;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;

/** What the tests of the actors share. */
final class Await {
    static final Duration LIMIT = Duration.ofSeconds(60);

    /** Asks until it is so. */
    static void that(TestProbe<?> probe, Callable<Boolean> condition) {
        probe.awaitAssert(LIMIT, Duration.ofMillis(5), () -> {
            if (!condition.call()) {
                throw new AssertionError("not so yet");
            }
            return null;
        });
    }

    private Await() {}
}
