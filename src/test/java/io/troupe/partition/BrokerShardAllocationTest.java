package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Set;
import org.apache.pekko.actor.ActorPaths;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.EmptyLocalActorRef;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.UniqueAddress;
import org.apache.pekko.util.Version;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import scala.jdk.javaapi.CollectionConverters;

/** Shards follow their broker's node, and go nowhere else. */
class BrokerShardAllocationTest {
    private static final ActorSystem SYSTEM = ActorSystem.create("allocation");
    private static final Address SELF = new Address("pekko", "troupe", "self", 1);
    private static final ActorRef NOWHERE = SYSTEM.deadLetters();

    private final ActorRef mine = SYSTEM.actorOf(org.apache.pekko.actor.Props.empty());
    private final ActorRef other = region("other");
    private final ActorRef restarted = region("restarted");

    @AfterAll
    static void stop() {
        SYSTEM.terminate();
    }

    @Test
    void aShardGoesToTheRegionOfItsBroker() {
        List<Member> members =
                List.of(member("self", 1, 1, MemberStatus.up()), member("other", 2, 2, MemberStatus.up()));
        assertEquals(mine, regionOf("1", members, Set.of(mine, other)));
        assertEquals(other, regionOf("2", members, Set.of(mine, other)));
    }

    @Test
    void withoutItsBrokerItStaysHomeless() {
        List<Member> members =
                List.of(member("self", 1, 1, MemberStatus.up()), member("other", 2, 2, MemberStatus.leaving()));
        assertEquals(NOWHERE, regionOf("3", members, Set.of(mine, other)), "no such broker");
        assertEquals(NOWHERE, regionOf("2", members, Set.of(mine, other)), "it is leaving");
        assertEquals(
                NOWHERE,
                regionOf("2", List.of(member("other", 2, 2, MemberStatus.up())), Set.of(mine)),
                "its region is not registered yet");
    }

    @Test
    void aRestartedBrokerWinsOverItsOldIncarnation() {
        List<Member> members =
                List.of(member("restarted", 2, 9, MemberStatus.up()), member("other", 2, 2, MemberStatus.up()));
        assertEquals(restarted, regionOf("2", members, Set.of(mine, other, restarted)));
    }

    private static ActorRef regionOf(String shard, List<Member> members, Set<ActorRef> regions) {
        return BrokerShardAllocation.regionOf(shard, members, regions, SELF, NOWHERE);
    }

    private static ActorRef region(String host) {
        return new EmptyLocalActorRef(
                ((ExtendedActorSystem) SYSTEM).provider(),
                ActorPaths.fromString("pekko://troupe@" + host + ":1/system/sharding/replica"),
                SYSTEM.eventStream());
    }

    private static Member member(String host, int broker, int upNumber, MemberStatus status) {
        Set<String> roles = Set.of(ReplicaSharding.role(broker), "dc-default");
        return new Member(
                new UniqueAddress(new Address("pekko", "troupe", host, 1), (long) upNumber),
                upNumber,
                status,
                CollectionConverters.asScala(roles).toSet(),
                Version.Zero());
    }
}
