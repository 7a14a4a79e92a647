package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.config.HostPort;
import io.troupe.config.Voter;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What a node says that waits for its first controller. */
class AwaitedVotersTest {
    private static final List<Voter> VOTERS = List.of(
            new Voter(1, new HostPort("localhost", 19092)),
            new Voter(2, new HostPort("localhost", 19093)),
            new Voter(3, new HostPort("::1", 19094)));

    @Test
    void namesTheVotersThatAreAwayAsTheyAreConfigured() {
        assertEquals(
                "a controller; of controller.quorum.voters these are not in the cluster yet: 3@[::1]:19094; a majority"
                        + " of the 3 must be up, and every one of them where the log dirs are empty, as at a cluster's"
                        + " very first start",
                AwaitedVoters.text(1, VOTERS, Set.of(new HostPort("localhost", 19093))));
    }

    @Test
    void aBrokerThatIsNoVoterMissesThemAll() {
        String text = AwaitedVoters.text(4, VOTERS.subList(0, 1), Set.of());
        assertEquals(
                "a controller; of controller.quorum.voters these are not in the cluster yet: 1@localhost:19092; it must"
                        + " be up",
                text);
    }

    @Test
    void withAllOfThemItWaitsForTheirChoice() {
        assertEquals(
                "a controller; all voters of the cluster are up",
                AwaitedVoters.text(
                        3, VOTERS, Set.of(new HostPort("localhost", 19092), new HostPort("localhost", 19093))));
    }
}
