package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Work of a connection is never lost. */
class ConnectionTasksTest {
    private final List<String> done = new ArrayList<>();
    private final List<Runnable> elsewhere = new ArrayList<>();
    private int woken;
    private final ConnectionTasks tasks = new ConnectionTasks(() -> woken++, null, elsewhere::add, null);

    private void give(String name) {
        tasks.execute(() -> done.add(name));
    }

    private void runElsewhere() {
        elsewhere.forEach(Runnable::run);
    }

    @Test
    void tasksAreDoneInOrderWhenTheActorRuns() {
        give("a");
        give("b");
        assertEquals(2, woken);
        assertEquals(List.of(), done);
        tasks.run();
        assertEquals(List.of("a", "b"), done);
    }

    @Test
    void aTaskMayGiveAnother() {
        tasks.execute(() -> give("b"));
        tasks.run();
        assertEquals(List.of("b"), done);
    }

    /** A stream of an answer that nobody will read: it must not keep its place among the requests. */
    @Test
    void whatOnlyTheConnectionCouldDoFailsWithIt() {
        CompletableFuture<Void> before = new CompletableFuture<>();
        CompletableFuture<Void> begun = new CompletableFuture<>();
        CompletableFuture<Void> after = new CompletableFuture<>();
        tasks.awaits(before);
        tasks.awaits(begun);
        begun.complete(null);
        assertFalse(before.isDone());
        tasks.end();
        tasks.awaits(after);
        assertTrue(before.isCompletedExceptionally());
        assertFalse(begun.isCompletedExceptionally());
        assertTrue(after.isCompletedExceptionally());
    }

    @Test
    void whatIsLeftAtTheEndIsDoneElsewhere() {
        give("a");
        tasks.end();
        assertEquals(List.of(), done);
        runElsewhere();
        assertEquals(List.of("a"), done);
    }

    @Test
    void whatComesAfterTheEndIsDoneElsewhere() {
        tasks.end();
        give("a");
        assertEquals(0, woken);
        runElsewhere();
        assertEquals(List.of("a"), done);
    }

    @Test
    void itIsGoneWhenItHasEndedOrTheClientsSideOfIt() {
        assertFalse(tasks.isGone());
        tasks.clientLeft();
        assertTrue(tasks.isGone());
        tasks.end();
        assertTrue(tasks.isGone());
    }

    /** Its stage may end before its stream begins, where the client has ended its own side: it is sent all the same, and holds its place. */
    @Test
    void anAnswerThatGoesDoesNotEndWithTheConnectionsStage() {
        CompletableFuture<Void> begun = new CompletableFuture<>();
        tasks.awaits(begun);
        tasks.answered(false);
        tasks.end();
        assertFalse(begun.isDone());
    }

    /** With {@code Connection: close} the server ends both sides, and its answer is whole for all that. */
    @Test
    void theEndOfAConnectionWithItsLastAnswerSaysNothingOfTheClient() {
        tasks.answered(true);
        tasks.clientLeft();
        tasks.end();
        assertFalse(tasks.isGone());
    }

    @Test
    void whoLeftBeforeTheLastAnswerIsGone() {
        tasks.clientLeft();
        tasks.answered(true);
        assertTrue(tasks.isGone());
    }
}
