package io.troupe.dispatch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HomeThreadTest {
    /** A pool that keeps what it is given. */
    private final List<Runnable> pool = new ArrayList<>();

    private final List<Integer> ran = new ArrayList<>();

    /** Of the home thread. */
    private long nowNanos;

    @Test
    void whatItsWorkSchedulesRunsThereAfterwardsInOrder() throws Exception {
        onHomeThread(home -> {
            HomeThread.execute(() -> ran.add(1), pool::add);
            HomeThread.execute(() -> ran.add(2), pool::add);
            assertEquals(List.of(), ran);
            home.runWaiting();
        });

        assertEquals(List.of(1, 2), ran);
        assertEquals(List.of(), pool);
    }

    @Test
    void whatThatSchedulesRunsThereToo() throws Exception {
        onHomeThread(home -> {
            HomeThread.execute(() -> HomeThread.execute(() -> ran.add(1), pool::add), pool::add);
            home.runWaiting();
        });

        assertEquals(List.of(1), ran);
    }

    @Test
    void ofTooManyThePoolRunsTheRest() throws Exception {
        onHomeThread(home -> {
            IntStream.range(0, HomeThread.MOST + 3).forEach(i -> HomeThread.execute(() -> ran.add(i), pool::add));
            home.runWaiting();
            assertFalse(home.hasWaiting());
        });
        pool.forEach(Runnable::run);

        assertEquals(3, pool.size());
        assertEquals(IntStream.range(0, HomeThread.MOST + 3).boxed().toList(), ran);
    }

    @Test
    void whatSchedulesItselfAgainAndAgainLeavesTheThread() throws Exception {
        onHomeThread(home -> {
            again();
            home.runWaiting();
        });

        assertEquals(HomeThread.MOST, ran.size());
        assertEquals(1, pool.size());
    }

    private void again() {
        HomeThread.execute(
                () -> {
                    ran.add(0);
                    again();
                },
                pool::add);
    }

    @Test
    void afterWhatTookLongThePoolRunsTheRest() throws Exception {
        onHomeThread(home -> {
            HomeThread.execute(() -> nowNanos += HomeThread.MOST_NANOS, pool::add);
            HomeThread.execute(() -> ran.add(1), pool::add);
            home.runWaiting();
            assertFalse(home.hasWaiting());
        });

        assertEquals(List.of(), ran);
        assertEquals(1, pool.size());
    }

    @Test
    void whatIsSlowRunsOnThePoolAloneForAWhile() throws Exception {
        Runnable slow = () -> nowNanos += HomeThread.SLOW_NANOS + 1;
        onHomeThread(home -> {
            HomeThread.execute(slow, pool::add);
            home.runWaiting();
            HomeThread.execute(slow, pool::add);
            HomeThread.execute(() -> ran.add(1), pool::add);
            home.runWaiting();
            assertEquals(List.of(slow), pool);
            nowNanos += HomeThread.SLOW_FOR_NANOS;
            HomeThread.execute(slow, pool::add);
            assertTrue(home.hasWaiting());
        });

        assertEquals(List.of(1), ran);
        assertEquals(List.of(slow), pool);
    }

    @Test
    void aThreadThatEndsLeavesNothingBehind() throws Exception {
        onHomeThread(home -> {
            HomeThread.execute(() -> ran.add(1), pool::add);
            assertTrue(home.hasWaiting());
            home.endWaiting();
            HomeThread.execute(() -> ran.add(2), pool::add);
        });

        assertEquals(List.of(), ran);
        assertEquals(2, pool.size());
    }

    @Test
    void whatItsPoolRefusesRunsThere() throws Exception {
        onHomeThread(home -> {
            HomeThread.execute(() -> ran.add(1), task -> {
                throw new RejectedExecutionException();
            });
            home.endWaiting();
        });

        assertEquals(List.of(1), ran);
    }

    @Test
    void otherThreadsGiveItToThePool() {
        HomeThread.execute(() -> ran.add(1), pool::add);

        assertEquals(1, pool.size());
    }

    @Test
    void anErrorThatNoActorSurvivesIsThePools() throws Exception {
        Error fatal = new OutOfMemoryError("planted");
        onHomeThread(home -> {
            HomeThread.execute(
                    () -> {
                        throw fatal;
                    },
                    pool::add);
            HomeThread.execute(() -> ran.add(1), pool::add);
            home.runWaiting();
        });

        assertEquals(List.of(1), ran);
        assertSame(fatal, assertThrows(Error.class, pool.get(0)::run));
    }

    private void onHomeThread(Consumer<HomeThread> work) throws Exception {
        CompletableFuture<Void> done = new CompletableFuture<>();
        HomeThread home = new HomeThread(
                () -> {
                    try {
                        work.accept((HomeThread) Thread.currentThread());
                        done.complete(null);
                    } catch (Throwable e) {
                        done.completeExceptionally(e);
                    }
                },
                "home",
                () -> nowNanos);
        home.start();
        done.get(60, TimeUnit.SECONDS);
    }
}
