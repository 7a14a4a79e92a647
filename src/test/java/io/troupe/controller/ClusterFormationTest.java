package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.troupe.controller.ClusterFormation.JoinNode;
import io.troupe.controller.ClusterFormation.KeepWaiting;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The rule by which a cluster is formed or joined. */
class ClusterFormationTest {
    private static final Set<Integer> THREE = Set.of(1, 2, 3);

    @Test
    void aVoterAloneJoinsItself() {
        assertEquals(new JoinNode(1), ClusterFormation.decide(1, Set.of(1), Map.of(1, false)));
    }

    @Test
    void whoIsInAClusterIsJoinedWhateverElse() {
        assertEquals(new JoinNode(3), ClusterFormation.decide(1, THREE, Map.of(1, false, 2, false, 3, true)));
        assertEquals(new JoinNode(2), ClusterFormation.decide(9, THREE, Map.of(2, true)));
    }

    @Test
    void withoutAMajorityNobodyFormsOne() {
        assertInstanceOf(KeepWaiting.class, ClusterFormation.decide(1, THREE, Map.of(1, false)));
    }

    @Test
    void theLowestOfAMajorityFormsOneAndTheOthersWait() {
        Map<Integer, Boolean> up = Map.of(2, false, 3, false);
        assertEquals(new JoinNode(2), ClusterFormation.decide(2, THREE, up));
        assertInstanceOf(KeepWaiting.class, ClusterFormation.decide(3, THREE, up));
        assertInstanceOf(KeepWaiting.class, ClusterFormation.decide(9, THREE, up));
    }
}
