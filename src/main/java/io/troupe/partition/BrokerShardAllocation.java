package io.troupe.partition;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.Address;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.ShardCoordinator;
import org.apache.pekko.dispatch.Futures;
import scala.collection.immutable.IndexedSeq;
import scala.concurrent.Future;

/**
 * Puts shard <i>b</i> on the node of broker <i>b</i>, and nowhere else: shards follow the data. While that node is away its
 * shard stays homeless, and the regions ask again. Nothing is ever rebalanced.
 *
 * <p>A broker's node is known by its cluster role, {@link #role}. Called by the shard coordinator's actor.
 */
final class BrokerShardAllocation extends ShardCoordinator.AbstractShardAllocationStrategy {
    private static final String ROLE = "broker-";

    private final Cluster cluster;
    /** No registered region: what makes the coordinator leave the shard homeless, without a failure that it would log. */
    private final ActorRef nowhere;

    BrokerShardAllocation(ActorSystem system) {
        this.cluster = Cluster.get(system);
        this.nowhere = system.deadLetters();
    }

    /** The cluster role that the node of a broker carries. */
    static String role(String brokerId) {
        return ROLE + brokerId;
    }

    /** The broker whose node carries that role, if it is such a role. */
    static Optional<Integer> brokerOf(String role) {
        return role.startsWith(ROLE) ? Optional.of(Integer.valueOf(role.substring(ROLE.length()))) : Optional.empty();
    }

    @Override
    public Future<ActorRef> allocateShard(
            ActorRef requester, String shardId, Map<ActorRef, IndexedSeq<String>> allocations) {
        return Futures.successful(
                regionOf(shardId, cluster.state().getMembers(), allocations.keySet(), cluster.selfAddress(), nowhere));
    }

    /** The region on the youngest living node of the broker, for a restarted one may stand beside its old incarnation. */
    static ActorRef regionOf(
            String shardId, Iterable<Member> members, Set<ActorRef> regions, Address self, ActorRef nowhere) {
        Member home = null;
        for (Member member : members) {
            boolean alive = member.status() == MemberStatus.up() || member.status() == MemberStatus.weaklyUp();
            if (alive && member.hasRole(role(shardId)) && (home == null || home.isOlderThan(member))) {
                home = member;
            }
        }
        if (home == null) {
            return nowhere;
        }
        for (ActorRef region : regions) {
            Address address = region.path().address();
            if (home.address().equals(address.hasLocalScope() ? self : address)) {
                return region;
            }
        }
        return nowhere;
    }

    @Override
    public Future<Set<String>> rebalance(
            Map<ActorRef, IndexedSeq<String>> allocations, Set<String> rebalanceInProgress) {
        return Futures.successful(Set.of());
    }
}
