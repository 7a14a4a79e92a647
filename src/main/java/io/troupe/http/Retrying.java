package io.troupe.http;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.kafka.common.protocol.Errors;

/**
 * Asks a leader, and the next one while a partition moves: as long as the answer says that nothing was done because somebody
 * else leads, and there is time.
 */
final class Retrying {
    static final long PAUSE_MS = 100;

    private Retrying() {}

    /** @param errorOf what an answer says */
    static <T> CompletionStage<T> whileLeaderMoves(
            Supplier<CompletionStage<T>> attempt, Function<T, Errors> errorOf, long deadlineNanos, Executor executor) {
        return attempt.get().thenCompose(answer -> {
            if (!moves(errorOf.apply(answer))
                    || System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PAUSE_MS) >= deadlineNanos) {
                return CompletableFuture.completedFuture(answer);
            }
            Executor later = CompletableFuture.delayedExecutor(PAUSE_MS, TimeUnit.MILLISECONDS, executor);
            return CompletableFuture.supplyAsync(() -> null, later)
                    .thenCompose(none -> whileLeaderMoves(attempt, errorOf, deadlineNanos, executor));
        });
    }

    private static boolean moves(Errors error) {
        return switch (error) {
            case NOT_LEADER_OR_FOLLOWER,
                    LEADER_NOT_AVAILABLE,
                    FENCED_LEADER_EPOCH,
                    UNKNOWN_LEADER_EPOCH,
                    OFFSET_NOT_AVAILABLE,
                    UNKNOWN_TOPIC_OR_PARTITION,
                    COORDINATOR_NOT_AVAILABLE,
                    COORDINATOR_LOAD_IN_PROGRESS,
                    NOT_COORDINATOR -> true;
            default -> false;
        };
    }
}
