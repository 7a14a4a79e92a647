package io.troupe.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.PartitionReassignment;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** Whoever waits for moves is told whom they wait for, and whether they ended where they should. */
class MoveProgressTest {
    /** [1 2 3] to [4 2 1], which leaves 3. */
    private static final PartitionReassignment MOVE =
            new PartitionReassignment(List.of(4, 2, 1, 3), List.of(4), List.of(3));

    private static String line(PartitionReassignment move, Integer... up) {
        return MoveProgress.line(5, List.of(move), Set.of(up));
    }

    @Test
    void movesThatGoOnAreOnlyCounted() {
        assertEquals("Moved: 4 of 5 partitions", line(MOVE, 1, 2, 3, 4));
        assertEquals("Moved: 5 of 5 partitions", MoveProgress.line(5, List.of(), Set.of()));
    }

    @Test
    void aReplicaThatIsToStayIsWaitedFor() {
        assertTrue(line(MOVE, 1, 2, 3).contains("waits for broker 4:"), line(MOVE, 1, 2, 3));
        assertTrue(line(MOVE, 3).contains("waits for brokers 1, 2, 4:"), line(MOVE, 3));
    }

    @Test
    void aReplicaThatGoesIsWaitedForOnlyWhenItIsTheLastToCopyFrom() {
        assertFalse(line(MOVE, 1, 2, 4).contains("waits"), line(MOVE, 1, 2, 4));
        PartitionReassignment single = new PartitionReassignment(List.of(4, 3), List.of(4), List.of(3));
        assertTrue(line(single, 1, 2, 4).contains("waits for broker 3:"), line(single, 1, 2, 4));
    }

    @Test
    void whatIsNotWherePlannedIsNamed() {
        TopicPartition a = new TopicPartition("t", 0);
        TopicPartition b = new TopicPartition("t", 1);
        TopicPartition deleted = new TopicPartition("u", 0);
        Map<TopicPartition, List<Integer>> plan = Map.of(a, List.of(1, 2), b, List.of(2, 1), deleted, List.of(1));
        assertEquals(List.of(), MoveProgress.elsewhere(plan, Map.of(a, List.of(1, 2), b, List.of(2, 1))));
        assertEquals(
                List.of("t-1 is on [3, 1], not on [2, 1]"),
                MoveProgress.elsewhere(plan, Map.of(a, List.of(1, 2), b, List.of(3, 1))));
    }
}
