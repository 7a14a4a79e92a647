package io.troupe.dispatch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Actors of both dispatchers in an actor system, as Pekko configures them. */
class HomeExecutorTest {
    private static final Duration MOST = Duration.ofSeconds(60);

    private final ActorTestKit kit =
            ActorTestKit.create(ConfigFactory.parseString("""
            near {
              type = Dispatcher
              executor = "io.troupe.dispatch.HomeExecutor"
              fork-join-executor { parallelism-min = 1, parallelism-factor = 1, parallelism-max = 2 }
            }
            lone {
              type = Dispatcher
              executor = "io.troupe.dispatch.LoneHomeExecutor"
              throughput = 1
            }
            """).withFallback(ConfigFactory.load()));

    private final TestProbe<String> threads = kit.createTestProbe();

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    /** Tells on which thread it runs. */
    private Behavior<String> tells() {
        return Behaviors.receiveMessage(m -> {
            threads.ref().tell(m + " on " + Thread.currentThread().getName());
            return Behaviors.same();
        });
    }

    /** What it is told it tells on, in the midst of a message. */
    private static Behavior<String> passesOn(ActorRef<String> to) {
        return Behaviors.receiveMessage(m -> {
            to.tell(m);
            return Behaviors.same();
        });
    }

    private <T> ActorRef<T> spawn(Behavior<T> behavior, String dispatcher) {
        return kit.spawn(behavior, DispatcherSelector.fromConfig(dispatcher));
    }

    @Test
    void anActorRunsOnTheHomeThreadThatToldIt() {
        ActorRef<String> near = spawn(tells(), "near");
        ActorRef<String> lone = spawn(passesOn(near), "lone");
        near.tell("from elsewhere");
        String pool = threads.receiveMessage(MOST);
        String home = pool;
        // Where it still runs on the pool, for what came before, it goes on there.
        for (int i = 0; i < 1_000 && !home.contains("lone"); i++) {
            lone.tell("from home");
            home = threads.receiveMessage(MOST);
        }

        assertTrue(pool.contains("near"), pool);
        assertTrue(home.contains("lone"), home);
    }

    @Test
    void aHomeThreadThatStandsStillHoldsUpNobodyElse() {
        ActorRef<String> near = spawn(tells(), "near");
        CountDownLatch stalled = new CountDownLatch(1);
        CountDownLatch released = new CountDownLatch(1);
        ActorRef<String> lone = spawn(
                Behaviors.receiveMessage(m -> {
                    stalled.countDown();
                    await(released);
                    return Behaviors.same();
                }),
                "lone");
        try {
            lone.tell("stall");
            await(stalled);
            near.tell("a");

            assertTrue(threads.receiveMessage(MOST).startsWith("a on "));
        } finally {
            released.countDown();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(60, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void messagesKeepTheirOrderAcrossThreads() {
        ActorRef<String> near = spawn(
                Behaviors.receiveMessage(m -> {
                    threads.ref().tell(m);
                    return Behaviors.same();
                }),
                "near");
        ActorRef<String> lone = spawn(passesOn(near), "lone");
        for (int i = 0; i < 1_000; i++) {
            lone.tell(String.valueOf(i));
        }
        for (int i = 0; i < 1_000; i++) {
            assertEquals(String.valueOf(i), threads.receiveMessage(MOST));
        }
    }

    @Test
    void theLoneThreadIsTheOnlyOne() {
        ActorRef<String> first = spawn(tells(), "lone");
        ActorRef<String> second = spawn(tells(), "lone");
        first.tell("a");
        second.tell("a");

        assertEquals(threads.receiveMessage(MOST), threads.receiveMessage(MOST));
    }
}
