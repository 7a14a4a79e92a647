package io.troupe.server;

import io.troupe.config.BrokerConfig;
import io.troupe.config.Listener;
import io.troupe.config.TopicConfigs;
import io.troupe.controller.BrokerMetadata;
import io.troupe.controller.ClusterFormation;
import io.troupe.controller.Controller;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerRequests;
import io.troupe.controller.ControllerSingleton;
import io.troupe.controller.ControllerStats;
import io.troupe.controller.MetadataVoter;
import io.troupe.group.GroupCoordinators;
import io.troupe.group.GroupService;
import io.troupe.group.SteadyClock;
import io.troupe.journal.Journals;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.TopicDefaults;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.ReplicaLinks;
import io.troupe.partition.ReplicaSettings;
import io.troupe.partition.ReplicaSharding;
import io.troupe.partition.ReplicaStarter;
import io.troupe.partition.ReplicationPeers;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.SelfRemoved;
import org.apache.pekko.cluster.typed.Subscribe;

/**
 * The root of a node's actors: spawns them in the order in which they need each other, watches those without which the
 * node is of no use, and carries the process's start and stop to them.
 */
final class Guardian extends AbstractBehavior<Guardian.Command> {
    private static final DispatcherSelector GROUPS = DispatcherSelector.fromConfig("troupe.dispatcher.group");
    private static final String BROKER_METADATA = "broker-metadata";
    private static final String REPLICA_STARTER = "replica-starter";
    private static final DispatcherSelector REPLICAS = DispatcherSelector.fromConfig("troupe.dispatcher.replica");

    sealed interface Command {}

    /** Completed once the broker is registered, unfenced and starting its replicas. */
    record AwaitStarted(CompletableFuture<Started> started) implements Command {}

    /** The broker is to stop; completed once no majority of the voters is there to help with that, and maybe never. */
    record Stopping(CompletableFuture<Void> alone) implements Command {}

    /** Move leaderships away; done at once when the actor that does it has ended. */
    record PrepareShutdown(CompletableFuture<Void> done) implements Command {}

    /** Resign and close every log; done at once when the actor that does it has ended. */
    record CloseLogs(CompletableFuture<Void> done) implements Command {}

    /** What the handlers need of the actors. */
    record Started(long brokerEpoch, ControllerClient controller, GroupService groups) {}

    private record Registered(long brokerEpoch) implements Command {}

    private record ImageChanged(BrokerMetadata.ImageChanged change) implements Command {}

    private record Ended(String what) implements Command {}

    private enum Removed implements Command {
        REMOVED
    }

    private record Prepared(CompletableFuture<Void> done) implements Command {}

    private record LogsClosed(CompletableFuture<Void> done) implements Command {}

    /**
     * What a node is made of besides actors.
     *
     * @param advertised what clients are told, ports resolved
     * @param groupLoads threads that may wait for a disk, for groups' coordinators
     * @param outcome told with the reason when the node may not be in the cluster, or is not any more
     * @param ended told with the reason when the node is of no more use for another cause
     */
    record Parts(
            BrokerConfig config,
            List<Listener> advertised,
            Journals journals,
            MetadataCache metadata,
            LocalReplicas replicas,
            Executor groupLoads,
            ControllerStats controllerStats,
            ClusterFormation.Outcome outcome,
            Consumer<String> ended) {

        /** The cluster that this node belongs to, as far as is known by now. */
        Optional<String> clusterId() {
            return Optional.ofNullable(metadata.current().clusterId())
                    .or(config::clusterId)
                    .or(() -> Optional.ofNullable(journals.clusterId()));
        }
    }

    private final Parts parts;
    private final ActorRef<ClusterFormation.Command> formation;
    private final ActorRef<BrokerMetadata.Command> brokerMetadata;
    private final ActorRef<ReplicaStarter.Command> starter;
    private final ControllerClient controller;
    private final GroupCoordinators groups;
    private CompletableFuture<Started> awaiting;
    private Registered registered;
    private boolean stopping;
    private final Set<String> ended = new HashSet<>();

    static Behavior<Command> create(Parts parts) {
        return Behaviors.setup(context -> new Guardian(context, parts));
    }

    private Guardian(ActorContext<Command> context, Parts parts) {
        super(context);
        this.parts = parts;
        BrokerConfig config = parts.config();
        if (config.isVoter()) {
            spawn(
                    MetadataVoter.create(
                            config.nodeId(),
                            parts.journals().metadataPlugin(),
                            parts.journals().snapshotPlugin()),
                    MetadataVoter.NAME,
                    DispatcherSelector.defaultDispatcher());
        }
        formation = spawn(
                ClusterFormation.create(config, parts::clusterId, parts.outcome()),
                ClusterFormation.NAME,
                DispatcherSelector.defaultDispatcher());
        Cluster.get(context.getSystem())
                .subscriptions()
                .tell(new Subscribe<>(
                        context.messageAdapter(SelfRemoved.class, removed -> Removed.REMOVED), SelfRemoved.class));
        ActorRef<Controller.Command> singleton = ControllerSingleton.init(
                context.getSystem(),
                config,
                parts.clusterId(),
                () -> parts.metadata().current().controllerEpoch(),
                parts.controllerStats());
        brokerMetadata = spawn(
                BrokerMetadata.create(
                        BrokerMetadata.Self.of(
                                config,
                                parts.advertised(),
                                parts.journals().lastBrokerEpoch(),
                                parts.journals().lostDir()),
                        singleton,
                        parts.metadata(),
                        parts.clusterId(),
                        parts.outcome()),
                BROKER_METADATA,
                DispatcherSelector.defaultDispatcher());
        controller = ControllerRequests.client(spawn(
                ControllerRequests.create(singleton, brokerMetadata, parts.metadata()),
                "controller-requests",
                DispatcherSelector.defaultDispatcher()));
        ActorRef<ReplicaLinks.Command> links = spawn(
                ReplicaLinks.create(
                        config.nodeId(),
                        parts.replicas(),
                        parts.metadata(),
                        brokerMetadata,
                        context.getSystem()
                                .dispatchers()
                                .lookup(DispatcherSelector.fromConfig("troupe.dispatcher.replica-reads"))),
                ReplicaLinks.NAME,
                REPLICAS);
        groups = new GroupCoordinators(config.group(), parts.metadata(), parts.groupLoads(), new SteadyClock());
        ReplicaSettings settings = ReplicaSettings.of(
                config.nodeId(),
                Adapter.toClassic(context.getSystem()),
                parts.journals(),
                parts.replicas(),
                spawn(groups.behavior(), "group-coordinators", GROUPS),
                config.producerIdExpirationMs(),
                config.logRetentionCheckIntervalMs(),
                new ReplicationPeers(
                        links,
                        controller,
                        parts.metadata(),
                        config.replicaLagTimeMaxMs(),
                        config.rackAwareReads(),
                        () -> System.nanoTime() / 1_000_000));
        TopicDefaults topicDefaults = new TopicDefaults(config, parts.metadata());
        starter = spawn(
                ReplicaStarter.create(
                        settings,
                        topic -> TopicConfigs.effective(topicDefaults.get(), topic.configs()),
                        ReplicaSharding.start(context.getSystem(), settings, REPLICAS),
                        brokerMetadata),
                REPLICA_STARTER,
                DispatcherSelector.defaultDispatcher());
        brokerMetadata.tell(new BrokerMetadata.Subscribe(
                context.messageAdapter(BrokerMetadata.ImageChanged.class, ImageChanged::new)));
        brokerMetadata.tell(new BrokerMetadata.AwaitRegistration(
                context.messageAdapter(BrokerMetadata.Registered.class, r -> new Registered(r.brokerEpoch()))));
    }

    private <T> ActorRef<T> spawn(Behavior<T> behavior, String name, DispatcherSelector dispatcher) {
        ActorRef<T> actor = getContext().spawn(behavior, name, dispatcher);
        getContext().watchWith(actor, new Ended(name));
        return actor;
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(AwaitStarted.class, this::onAwaitStarted)
                .onMessage(Registered.class, this::onRegistered)
                .onMessage(ImageChanged.class, this::onImageChanged)
                .onMessage(Stopping.class, this::onStopping)
                .onMessage(PrepareShutdown.class, this::onPrepareShutdown)
                .onMessage(Prepared.class, this::onPrepared)
                .onMessage(CloseLogs.class, this::onCloseLogs)
                .onMessage(LogsClosed.class, this::onLogsClosed)
                .onMessage(Ended.class, this::onEnded)
                .onMessageEquals(Removed.REMOVED, this::onRemoved)
                .build();
    }

    private Behavior<Command> onAwaitStarted(AwaitStarted await) {
        awaiting = await.started();
        return completeStart();
    }

    private Behavior<Command> onRegistered(Registered r) {
        registered = r;
        return completeStart();
    }

    private Behavior<Command> completeStart() {
        if (awaiting != null && registered != null) {
            awaiting.complete(new Started(registered.brokerEpoch(), controller, groups));
        }
        return this;
    }

    private Behavior<Command> onImageChanged(ImageChanged changed) {
        groups.imageChanged(changed.change().previous(), changed.change().image());
        return this;
    }

    private Behavior<Command> onStopping(Stopping stop) {
        stopping = true;
        formation.tell(new ClusterFormation.Stopping(stop.alone()));
        return this;
    }

    private Behavior<Command> onPrepareShutdown(PrepareShutdown prepare) {
        stopping = true;
        if (ended.contains(BROKER_METADATA)) {
            prepare.done().complete(null);
            return this;
        }
        brokerMetadata.tell(new BrokerMetadata.PrepareShutdown(
                getContext().messageAdapter(org.apache.pekko.Done.class, done -> new Prepared(prepare.done()))));
        return this;
    }

    private Behavior<Command> onPrepared(Prepared prepared) {
        prepared.done().complete(null);
        return this;
    }

    private Behavior<Command> onCloseLogs(CloseLogs close) {
        if (ended.contains(REPLICA_STARTER)) {
            close.done().complete(null);
            return this;
        }
        starter.tell(new ReplicaStarter.Stop(
                getContext().messageAdapter(ReplicaStarter.Done.class, done -> new LogsClosed(close.done()))));
        return this;
    }

    private Behavior<Command> onLogsClosed(LogsClosed closed) {
        closed.done().complete(null);
        return this;
    }

    private Behavior<Command> onEnded(Ended end) {
        ended.add(end.what());
        if (!stopping) {
            parts.ended().accept("its actor " + end.what() + " has ended; the log says why");
        }
        return this;
    }

    private Behavior<Command> onRemoved() {
        if (!stopping) {
            parts.outcome().rejoin("this node was removed from the cluster; it rejoins as a new incarnation");
        }
        return this;
    }
}
