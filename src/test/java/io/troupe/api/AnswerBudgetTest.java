package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.protocol.NetworkStats;
import org.junit.jupiter.api.Test;

class AnswerBudgetTest {
    private static final int LIMIT = 1_000_000;
    private static final int SMALL = AnswerBudget.SMALL_ANSWER_BYTES;

    @Test
    void whoComesLaterGetsWhatIsLeftAndNeverLessThanASmallAnswer() {
        AnswerBudget budget = new AnswerBudget(LIMIT, new NetworkStats());
        assertEquals(900_000, budget.take(900_000));
        assertEquals(100_000, budget.take(900_000));
        assertEquals(SMALL, budget.take(900_000));
        assertEquals(10, budget.take(10), "no more than was asked for");
        budget.giveBack(900_000);
        assertEquals(LIMIT - 100_000 - SMALL - 10, budget.take(LIMIT));
    }
}
