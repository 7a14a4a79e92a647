package io.troupe.partition;

import com.typesafe.config.ConfigFactory;
import io.troupe.config.ServerProperties;
import io.troupe.controller.BrokerMetadata;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.controller.FaultyNetwork;
import io.troupe.controller.SoleController;
import io.troupe.journal.Journals;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.model.Refusal;
import io.troupe.model.ReplicaId;
import java.io.NotSerializableException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.ShardingEnvelope;

/**
 * One broker's replicas, link ends and journals, as they are in a process, in an actor system of its own; between it and the
 * others, and between it and the controller, is a {@link FaultyNetwork}. Sharding, membership and sessions are the test's.
 */
final class FaultyBroker {
    static final int LAG_TIME_MS = 1_000;
    /** Where on the network the controller is, which is no broker. */
    static final int CONTROLLER = 0;

    final int id;
    final LocalReplicas local = new LocalReplicas();
    final MetadataCache metadata = new MetadataCache();
    /** Actors that ended by a failure. */
    final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();

    private final FaultyNetwork network;
    private final SoleController controller;
    private final Path dir;
    private final Journals journals;
    private final ActorSystem<Void> system;
    private final ActorTestKit kit;
    private final ExecutorService reads = Executors.newFixedThreadPool(2);
    private final Map<Integer, ActorRef<LeaderLink.Command>> toFollowers = new HashMap<>();
    private final Map<Integer, ActorRef<FollowerLink.Command>> fromLeaders = new HashMap<>();
    private final ActorRef<ReplicaStarter.Command> starter;
    /** BE of this broker as the controller gave it last. */
    private volatile long brokerEpoch;

    FaultyBroker(int id, int brokers, Path dir, FaultyNetwork network, SoleController controller) {
        this.id = id;
        this.network = network;
        this.controller = controller;
        this.dir = dir;
        journals = Journals.open(ServerProperties.parse(Map.of(
                        "node.id", "" + id, "log.dirs", dir.toString(), "listeners", "PLAINTEXT://127.0.0.1:9092"))
                .config());
        system = ActorSystem.create(
                Behaviors.empty(),
                "broker-" + id,
                ActorSystemSetup.create(
                        journals,
                        BootstrapSetup.create(journals.pluginConfig()
                                .withFallback(ConfigFactory.parseString("""
                                        pekko.loglevel = ERROR
                                        pekko.actor.provider = local
                                        pekko.actor.default-dispatcher.fork-join-executor.parallelism-max = 2
                                        pekko.coordinated-shutdown.exit-jvm = off
                                        """))
                                .withFallback(ConfigFactory.load()))));
        kit = ActorTestKit.create(system);
        for (int other = 1; other <= brokers; other++) {
            if (other != id) {
                toFollowers.put(
                        other,
                        spawn(LeaderLink.create(id, other, local, metadata, Throttle.NONE, reads), "to-" + other));
                fromLeaders.put(other, spawn(FollowerLink.create(id, Throttle.NONE), "from-" + other));
            }
        }
        ControllerClient client = this::submit;
        ReplicaSettings settings = ReplicaSettings.of(
                id,
                Adapter.toClassic(system),
                journals,
                local,
                kit.<Leadership>createTestProbe().ref(),
                86_400_000,
                300_000,
                new ReplicationPeers(
                        spawn(links(), "replica-links"),
                        client,
                        metadata,
                        LAG_TIME_MS,
                        false,
                        () -> System.nanoTime() / 1_000_000));
        starter = spawn(
                ReplicaStarter.create(
                        settings,
                        topic -> TestBatches.config(2),
                        spawn(region(settings), "region"),
                        kit.<BrokerMetadata.Command>createTestProbe().ref()),
                "starter");
    }

    /** A parent that watches, so that an actor's failure is found. */
    private <T> ActorRef<T> spawn(Behavior<T> behavior, String name) {
        CompletableFuture<ActorRef<T>> spawned = new CompletableFuture<>();
        kit.spawn(
                Behaviors.<Void>setup(context -> {
                    ActorRef<T> child = context.spawn(behavior, name);
                    context.watch(child);
                    spawned.complete(child);
                    return Behaviors.receive(Void.class)
                            .onSignal(ChildFailed.class, failed -> {
                                failures.add(failed.getCause());
                                return Behaviors.same();
                            })
                            .onSignal(Terminated.class, ended -> Behaviors.same())
                            .build();
                }),
                "parent-of-" + name);
        return spawned.join();
    }

    /** What {@link ReplicaLinks} does, with ends that stand already. */
    private Behavior<ReplicaLinks.Command> links() {
        return Behaviors.receiveMessage(command -> {
            if (command instanceof ReplicaLinks.Follow follow) {
                fromLeaders.get(follow.leader()).tell(follow.follow());
            } else if (command instanceof ReplicaLinks.Unfollow unfollow) {
                fromLeaders.get(unfollow.leader()).tell(unfollow.unfollow());
            } else if (command instanceof ReplicaLinks.Leads leads) {
                leads.followers().stream()
                        .filter(follower -> follower != id)
                        .forEach(follower -> toFollowers.get(follower).tell(new LeaderLink.Leads(leads.partition())));
            }
            return Behaviors.same();
        });
    }

    /** What sharding does. */
    private Behavior<ShardingEnvelope<Replica.Command>> region(ReplicaSettings settings) {
        return Behaviors.setup(context -> {
            Map<String, ActorRef<Replica.Command>> replicas = new HashMap<>();
            int[] incarnations = {0};
            return Behaviors.<ShardingEnvelope<Replica.Command>>receive(
                    (ctx, envelope) -> {
                        replicas.computeIfAbsent(envelope.entityId(), entity -> {
                                    ActorRef<Replica.Command> replica = ctx.spawn(
                                            ReplicaActor.create(ReplicaId.parse(entity), settings),
                                            entity + "-" + incarnations[0]++);
                                    ctx.watch(replica);
                                    return replica;
                                })
                                .tell(envelope.message());
                        return Behaviors.same();
                    },
                    (ctx, signal) -> {
                        if (signal instanceof ChildFailed failed) {
                            failures.add(failed.getCause());
                        }
                        if (signal instanceof Terminated ended) {
                            replicas.values().remove(ended.getRef());
                        }
                        return Behaviors.same();
                    });
        });
    }

    /** Lets both ends of the links between two brokers find each other. */
    static void connect(FaultyBroker leader, FaultyBroker follower) {
        ActorRef<FollowerLink.Command> followersEnd = leader.wire(
                follower.id, message -> follower.fromLeaders.get(leader.id).tell((FollowerLink.Command) message));
        leader.toFollowers.get(follower.id).tell(new LeaderLink.Peer(followersEnd));
        ActorRef<LeaderLink.Command> leadersEnd = follower.wire(
                leader.id, message -> leader.toFollowers.get(follower.id).tell((LeaderLink.Command) message));
        follower.fromLeaders.get(leader.id).tell(new FollowerLink.Peer(leadersEnd));
    }

    /** Through its bytes, as between processes. */
    private <T> ActorRef<T> wire(int to, Consumer<LinkMessage> arrived) {
        LinkSerializer serializer = new LinkSerializer();
        return kit.spawn(Behaviors.<T>receiveMessage(message -> {
            byte[] bytes = serializer.toBinary(message);
            String manifest = serializer.manifest(message);
            network.carry(id, to, () -> {
                try {
                    arrived.accept((LinkMessage) serializer.fromBinary(bytes, manifest));
                } catch (NotSerializableException e) {
                    failures.add(e);
                }
            });
            return Behaviors.same();
        }));
    }

    /** Says to an end of the link with another broker what that one did not say. */
    void forge(int from, LinkMessage message) {
        if (message instanceof LinkMessage.Positions positions) {
            toFollowers.get(from).tell(positions);
        } else {
            fromLeaders.get(from).tell((FollowerLink.Command) message);
        }
    }

    /** As the client of a real controller: retried until the time is up, when nobody knows whether it was done. */
    private CompletableFuture<ControllerReply> submit(ControllerCommand command, int timeoutMs) {
        CompletableFuture<ControllerReply> reply = new CompletableFuture<>();
        network.carry(id, CONTROLLER, () -> {
            ControllerReply answer = controller.execute(command);
            network.carry(CONTROLLER, id, () -> reply.complete(answer));
        });
        network.later(
                () -> reply.complete(new ControllerReply.Refused(new Refusal(Errors.REQUEST_TIMED_OUT, "no answer"))),
                500);
        return reply;
    }

    /** A process that begins, as far as the controller can see: a new broker epoch, and its logs prove nothing. */
    void register() {
        brokerEpoch = controller.register(id);
        starter.tell(new ReplicaStarter.Registered(brokerEpoch));
    }

    /** Reads what is committed, and says that it lives, unless it is cut off. */
    void hearAndBeat() {
        if (!network.isCut(CONTROLLER, id)) {
            publish(controller.image());
        }
        if (!network.isCut(id, CONTROLLER)) {
            controller.execute(new ControllerCommand.BrokerHeartbeat(
                    id, brokerEpoch, metadata.current().index(), false));
        }
    }

    private synchronized void publish(MetadataImage image) {
        MetadataImage before = metadata.current();
        if (image.index() <= before.index()) {
            return;
        }
        metadata.publish(image);
        starter.tell(new ReplicaStarter.ImageChanged(image));
        toFollowers.forEach((follower, link) -> {
            long known = before.broker(follower).map(BrokerImage::brokerEpoch).orElse(-1L);
            long now = image.broker(follower).map(BrokerImage::brokerEpoch).orElse(-1L);
            if (known != now) {
                link.tell(LeaderLink.FollowerRegistered.FOLLOWER_REGISTERED);
            }
        });
    }

    Path directory(String topic, int partition) {
        return dir.resolve(topic + "-" + partition);
    }

    void stop() throws Exception {
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().get(60, TimeUnit.SECONDS);
        journals.close();
        reads.shutdownNow();
    }
}
