package io.troupe.partition;

import io.troupe.controller.BrokerMetadata;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.cluster.ClusterEvent;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.UniqueAddress;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Subscribe;

/**
 * This broker's ends of its replica links, one per broker: parent of {@link LeaderLink}s and {@link FollowerLink}s, which it
 * spawns as the other broker's node joins, for a leadership that moves is not to wait for its links; one without partitions
 * does nothing. It tells them where the other broker's ends are, and of its epochs. Records pass it by: they go from Replica
 * to link end and back. An end that fails is missed by all partitions of two brokers: it takes
 * this actor with it, and so the broker, which is started again.
 */
public final class ReplicaLinks extends AbstractBehavior<ReplicaLinks.Command> {
    /** Name under which the guardian spawns it; the transport knows the ends' paths by it, {@code troupe.conf}. */
    public static final String NAME = "replica-links";

    private static final String TO_FOLLOWER = "to-";
    private static final String FROM_LEADER = "from-";

    public sealed interface Command {}

    /** This broker follows {@code leader} with a partition, from now on. */
    record Follow(int leader, FollowerLink.Follow follow) implements Command {}

    record Unfollow(int leader, FollowerLink.Unfollow unfollow) implements Command {}

    /** This broker leads a partition, in a new epoch or with more followers. */
    record Leads(PartitionKey partition, Collection<Integer> followers) implements Command {}

    private record MemberChanged(ClusterEvent.MemberEvent event) implements Command {}

    private record ImageChanged() implements Command {}

    private final int brokerId;
    private final LocalReplicas replicas;
    private final MetadataCache metadata;
    private final ReplicationThrottles throttles;
    private final Executor reads;
    private final ActorRefResolver refs;
    private final Map<Integer, ActorRef<LeaderLink.Command>> toFollowers = new HashMap<>();
    private final Map<Integer, ActorRef<FollowerLink.Command>> fromLeaders = new HashMap<>();
    private final Map<UniqueAddress, Member> members = new HashMap<>();
    /** By broker id. */
    private final Map<Integer, Member> nodes = new HashMap<>();

    private final Map<Integer, Long> brokerEpochs = new HashMap<>();

    private ReplicaLinks(
            ActorContext<Command> context,
            int brokerId,
            LocalReplicas replicas,
            MetadataCache metadata,
            ActorRef<BrokerMetadata.Command> brokerMetadata,
            Executor reads) {
        super(context);
        this.brokerId = brokerId;
        this.replicas = replicas;
        this.metadata = metadata;
        this.throttles = new ReplicationThrottles(brokerId, metadata, () -> System.nanoTime() / 1_000_000);
        this.reads = reads;
        refs = ActorRefResolver.get(context.getSystem());
        Cluster.get(context.getSystem())
                .subscriptions()
                .tell(Subscribe.create(
                        context.messageAdapter(ClusterEvent.MemberEvent.class, MemberChanged::new),
                        ClusterEvent.MemberEvent.class));
        brokerMetadata.tell(new BrokerMetadata.Subscribe(
                context.messageAdapter(BrokerMetadata.ImageChanged.class, changed -> new ImageChanged())));
    }

    /**
     * @param brokerId this broker
     * @param reads threads that may wait for a disk
     */
    public static Behavior<Command> create(
            int brokerId,
            LocalReplicas replicas,
            MetadataCache metadata,
            ActorRef<BrokerMetadata.Command> brokerMetadata,
            Executor reads) {
        return Behaviors.setup(
                context -> new ReplicaLinks(context, brokerId, replicas, metadata, brokerMetadata, reads));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Follow.class, this::onFollow)
                .onMessage(Unfollow.class, this::onUnfollow)
                .onMessage(Leads.class, this::onLeads)
                .onMessage(MemberChanged.class, this::onMemberChanged)
                .onMessage(ImageChanged.class, this::onImageChanged)
                .build();
    }

    private Behavior<Command> onFollow(Follow follow) {
        fromLeader(follow.leader()).tell(follow.follow());
        return this;
    }

    private Behavior<Command> onUnfollow(Unfollow unfollow) {
        fromLeader(unfollow.leader()).tell(unfollow.unfollow());
        return this;
    }

    private Behavior<Command> onLeads(Leads leads) {
        for (int follower : leads.followers()) {
            if (follower != brokerId) {
                toFollower(follower).tell(new LeaderLink.Leads(leads.partition()));
            }
        }
        return this;
    }

    private ActorRef<LeaderLink.Command> toFollower(int follower) {
        return toFollowers.computeIfAbsent(follower, id -> {
            ActorRef<LeaderLink.Command> link = getContext()
                    .spawn(
                            LeaderLink.create(brokerId, id, replicas, metadata, throttles.ofFollowers(id), reads),
                            TO_FOLLOWER + id,
                            DispatcherSelector.sameAsParent());
            link.tell(new LeaderLink.Peer(peer(id, FROM_LEADER + brokerId)));
            getContext().watch(link);
            return link;
        });
    }

    private ActorRef<FollowerLink.Command> fromLeader(int leader) {
        return fromLeaders.computeIfAbsent(leader, id -> {
            ActorRef<FollowerLink.Command> link = getContext()
                    .spawn(
                            FollowerLink.create(brokerId, throttles.ofLeaders()),
                            FROM_LEADER + id,
                            DispatcherSelector.sameAsParent());
            link.tell(new FollowerLink.Peer(peer(id, TO_FOLLOWER + brokerId)));
            getContext().watch(link);
            return link;
        });
    }

    /** By its path, so that neither end must have heard of the other before. */
    private <T> ActorRef<T> peer(int broker, String end) {
        Member node = nodes.get(broker);
        return node == null ? null : refs.resolveActorRef(node.address() + "/user/" + NAME + "/" + end);
    }

    private Behavior<Command> onMemberChanged(MemberChanged changed) {
        Member member = changed.event().member();
        if (changed.event() instanceof ClusterEvent.MemberRemoved) {
            members.remove(member.uniqueAddress());
        } else {
            members.put(member.uniqueAddress(), member);
        }
        Map<Integer, Member> before = Map.copyOf(nodes);
        nodes.clear();
        for (Member one : members.values()) {
            for (String role : one.getRoles()) {
                // Of two the younger is the process that has the broker's log dirs now.
                BrokerShardAllocation.brokerOf(role)
                        .ifPresent(id -> nodes.merge(id, one, (a, b) -> a.isOlderThan(b) ? b : a));
            }
        }
        toFollowers.forEach((id, link) -> {
            if (moved(before.get(id), nodes.get(id))) {
                link.tell(new LeaderLink.Peer(peer(id, FROM_LEADER + brokerId)));
            }
        });
        fromLeaders.forEach((id, link) -> {
            if (moved(before.get(id), nodes.get(id))) {
                link.tell(new FollowerLink.Peer(peer(id, TO_FOLLOWER + brokerId)));
            }
        });
        nodes.keySet().stream().filter(id -> id != brokerId).forEach(id -> {
            toFollower(id);
            fromLeader(id);
        });
        return this;
    }

    private static boolean moved(Member before, Member now) {
        return before == null
                ? now != null
                : now == null || !before.uniqueAddress().equals(now.uniqueAddress());
    }

    private Behavior<Command> onImageChanged(ImageChanged changed) {
        for (BrokerImage broker : metadata.current().brokers()) {
            Long known = brokerEpochs.put(broker.brokerId(), broker.brokerEpoch());
            ActorRef<LeaderLink.Command> link = toFollowers.get(broker.brokerId());
            if (link != null && (known == null || known != broker.brokerEpoch())) {
                link.tell(LeaderLink.FollowerRegistered.FOLLOWER_REGISTERED);
            }
        }
        return this;
    }
}
