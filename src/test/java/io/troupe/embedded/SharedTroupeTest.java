package io.troupe.embedded;

import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Classes that ask for the same share one cluster. */
@Timeout(600)
class SharedTroupeTest {
    private static final AtomicReference<EmbeddedTroupe> SEEN = new AtomicReference<>();

    /** Either class may come first; the cluster is open also after it. */
    private static void see(EmbeddedTroupe troupe) {
        troupe.bootstrapServers();
        SEEN.compareAndSet(null, troupe);
        assertSame(SEEN.get(), troupe);
    }

    /** It would be open until the JVM ends, and hold the plain names of the metrics that other tests look for. */
    @AfterAll
    static void closeIt() {
        SEEN.get().close();
    }

    @Nested
    @TroupeTest(shared = true)
    class One {
        @Test
        void sees(EmbeddedTroupe troupe) {
            see(troupe);
        }
    }

    @Nested
    @TroupeTest(shared = true)
    class Other {
        @Test
        void sees(EmbeddedTroupe troupe) {
            see(troupe);
        }
    }
}
