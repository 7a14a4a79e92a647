package io.troupe.controller;

import io.troupe.config.BrokerConfig;
import io.troupe.config.Listener;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataImage;
import io.troupe.model.Refusal;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * One broker's side of the metadata: registers the broker, sends its heartbeats, and keeps the image up to date. Applies
 * contiguous committed events only and refuses older controllers (SAFETY 2.6); publishes each image to the
 * {@link MetadataCache} first, then tells the subscribers, in order. Subscribers hear nothing before the image holds
 * this broker's own registration (1.1). One per node, also on a node that only votes, where it only follows.
 */
public final class BrokerMetadata extends AbstractBehavior<BrokerMetadata.Command> {
    private static final Duration RETRY = Duration.ofMillis(500);
    /**
     * How long a broker that has led its last partition stays, so that clients hear from it who leads now instead of finding its
     * port closed: several round trips and a retry's back-off.
     */
    private static final Duration FAREWELL = Duration.ofMillis(250);
    /** Sessions for which a node waits for another process of its id to time out, which may be its own earlier one. */
    private static final int DUPLICATE_SESSIONS = 4;
    /** Heartbeats whose answers are still heard when they come: those of some sessions. */
    private static final int MAX_UNANSWERED = 50;

    public sealed interface Command {}

    /** Asks to be told of every image from now on, beginning with the present one; ends when the subscriber stops. */
    public record Subscribe(ActorRef<ImageChanged> subscriber) implements Command {}

    /** @param previous the image told before to this subscriber, the empty image at first */
    public record ImageChanged(MetadataImage previous, MetadataImage image) {}

    /** The broker wants to leave: its leaderships move away, then the answer comes. It may not come: bound the wait. */
    public record PrepareShutdown(ActorRef<Done> replyTo) implements Command {}

    /** This process is registered: its broker epoch. Answers at once when it is already. */
    public record AwaitRegistration(ActorRef<Registered> replyTo) implements Command {}

    /** The broker is registered under {@code brokerEpoch}, unfenced, and the image shows it. */
    public record Registered(long brokerEpoch) {}

    private record Published(Publication publication) implements Command {}

    private record Answered(Controller.Answer answer) implements Command {}

    private record Unsubscribe(ActorRef<ImageChanged> subscriber) implements Command {}

    private enum Timer implements Command {
        HEARTBEAT,
        FAREWELL
    }

    /** What a broker says of itself. */
    public record Self(
            int nodeId,
            Uuid incarnationId,
            List<Listener> listeners,
            Optional<String> rack,
            long provenEpoch,
            boolean lostDir,
            boolean votersOnly,
            int sessionTimeoutMs) {

        /**
         * @param listeners as bound, port 0 resolved: what clients are told
         * @param provenEpoch BE in which the last process closed every log dir in order, -1 when it did not
         * @param lostDir whether a log dir is new or was wiped
         */
        public static Self of(BrokerConfig config, List<Listener> listeners, long provenEpoch, boolean lostDir) {
            return new Self(
                    config.nodeId(),
                    Uuid.randomUuid(),
                    listeners,
                    config.rack(),
                    provenEpoch,
                    lostDir,
                    !config.roles().contains(BrokerConfig.Role.BROKER),
                    config.brokerSessionTimeoutMs());
        }
    }

    private final Self self;
    private final ActorRef<Controller.Command> controller;
    private final MetadataCache cache;
    private final TimerScheduler<Command> timers;
    private final ActorRef<Publication> publications;
    private final ActorRef<Controller.Answer> answers;
    private final Set<ActorRef<ImageChanged>> subscribers = new LinkedHashSet<>();
    private final Set<ActorRef<Registered>> awaiting = new LinkedHashSet<>();
    private final Set<ActorRef<Done>> leaving = new LinkedHashSet<>();
    /** Metadata index at which this broker leads nothing any more, -1 while it is not leaving. */
    private long leftIndex = -1;

    private MetadataImage image = MetadataImage.empty();
    /** The image that subscribers have been told. */
    private MetadataImage told = MetadataImage.empty();

    private Epoch controllerEpoch = Epoch.NONE;
    private final ByteArrayOutputStream snapshot = new ByteArrayOutputStream();
    private int snapshotPart;
    private long snapshotIndex = -1;
    /** Null until registered. */
    private Long brokerEpoch;

    /** -1 once this process has used its logs. */
    private long provenEpoch;

    /** Whether this process has been registered before: what its log dirs lacked, it told then. */
    private boolean used;

    private long commandCount;
    /** What answers are waited for, by command id, oldest first: the registration, or heartbeats of this broker epoch. */
    private final Map<String, ControllerCommand> unanswered = new LinkedHashMap<>();
    /** Registrations refused in a row because of another process. */
    private int duplicates;
    /** When a controller last answered anything. */
    private long answeredMs = nowMs();
    /** What the log already says. */
    private Refusal lastRefusal;

    private final Optional<String> clusterId;
    private final ClusterFormation.Outcome outcome;

    private BrokerMetadata(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            Self self,
            ActorRef<Controller.Command> controller,
            MetadataCache cache,
            Optional<String> clusterId,
            ClusterFormation.Outcome outcome) {
        super(context);
        context.setLoggerName(BrokerMetadata.class);
        this.self = self;
        this.controller = controller;
        this.cache = cache;
        this.timers = timers;
        provenEpoch = self.provenEpoch();
        this.clusterId = clusterId;
        this.outcome = outcome;
        publications = context.messageAdapter(Publication.class, Published::new);
        answers = context.messageAdapter(Controller.Answer.class, Answered::new);
        follow();
        beat();
    }

    /**
     * @param controller the singleton's proxy, {@link ControllerSingleton#init}
     * @param clusterId that this node's log dirs carry: in another cluster it must not register
     */
    public static Behavior<Command> create(
            Self self,
            ActorRef<Controller.Command> controller,
            MetadataCache cache,
            Optional<String> clusterId,
            ClusterFormation.Outcome outcome) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new BrokerMetadata(context, timers, self, controller, cache, clusterId, outcome)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Subscribe.class, this::onSubscribe)
                .onMessage(Unsubscribe.class, this::onUnsubscribe)
                .onMessage(AwaitRegistration.class, this::onAwaitRegistration)
                .onMessage(PrepareShutdown.class, this::onPrepareShutdown)
                .onMessage(Published.class, this::onPublished)
                .onMessage(Answered.class, this::onAnswered)
                .onMessageEquals(Timer.HEARTBEAT, this::onHeartbeat)
                .onMessageEquals(Timer.FAREWELL, this::onFarewell)
                .build();
    }

    private Behavior<Command> onSubscribe(Subscribe subscribe) {
        if (subscribers.add(subscribe.subscriber())) {
            getContext().watchWith(subscribe.subscriber(), new Unsubscribe(subscribe.subscriber()));
            if (told.index() >= 0) {
                subscribe.subscriber().tell(new ImageChanged(MetadataImage.empty(), told));
            }
        }
        return this;
    }

    private Behavior<Command> onUnsubscribe(Unsubscribe unsubscribe) {
        subscribers.remove(unsubscribe.subscriber());
        return this;
    }

    private Behavior<Command> onAwaitRegistration(AwaitRegistration await) {
        awaiting.add(await.replyTo());
        tellAwaiting();
        return this;
    }

    private Behavior<Command> onPrepareShutdown(PrepareShutdown prepare) {
        if (brokerEpoch == null || self.votersOnly()) {
            prepare.replyTo().tell(Done.getInstance());
            return this;
        }
        leaving.add(prepare.replyTo());
        beat();
        return this;
    }

    private Behavior<Command> onHeartbeat() {
        follow();
        beat();
        return this;
    }

    private void follow() {
        controller.tell(new Controller.Follow(self.nodeId(), image.index(), publications));
    }

    /**
     * Registers, or says that it lives. A new heartbeat each time: an old one that is still under way is harmless, and its answer is heard
     * however many are sent before it comes. But the same registration until it is answered: another one would end the broker epoch that
     * this one began, so that a broker whose answers take long would never get in.
     */
    private void beat() {
        boolean registered = brokerEpoch != null;
        cache.controllerSilent(nowMs() - answeredMs > self.sessionTimeoutMs());
        // The first image tells whose cluster this is, which must be known before anything is asked of it.
        if (image.index() >= 0 && !(registered && self.votersOnly())) {
            boolean again = !registered && !unanswered.isEmpty();
            String id = again ? oldestUnanswered() : self.incarnationId() + "-" + commandCount++;
            ControllerCommand command = registered ? heartbeat() : registration();
            unanswered.put(id, command);
            if (unanswered.size() > MAX_UNANSWERED) {
                unanswered.remove(oldestUnanswered());
            }
            controller.tell(new Controller.Execute(id, command, answers));
        }
        timers.startSingleTimer(
                Timer.HEARTBEAT, registered ? Duration.ofMillis(Math.max(1, self.sessionTimeoutMs() / 4)) : RETRY);
    }

    private String oldestUnanswered() {
        return unanswered.keySet().iterator().next();
    }

    private ControllerCommand registration() {
        return new ControllerCommand.RegisterBroker(
                self.nodeId(),
                self.incarnationId(),
                self.listeners(),
                self.rack(),
                provenEpoch,
                self.lostDir() && !used,
                self.votersOnly());
    }

    private ControllerCommand.BrokerHeartbeat heartbeat() {
        return new ControllerCommand.BrokerHeartbeat(self.nodeId(), brokerEpoch, image.index(), !leaving.isEmpty());
    }

    private Behavior<Command> onAnswered(Answered answered) {
        Controller.Answer answer = answered.answer();
        answeredMs = nowMs();
        cache.controllerSilent(false);
        ControllerCommand command = unanswered.remove(answer.commandId());
        if (command == null) {
            return this;
        }
        if (answer.reply() instanceof ControllerReply.Registered registered) {
            brokerEpoch = registered.brokerEpoch();
            lastRefusal = null;
            duplicates = 0;
            getContext().getLog().info("Broker {} is registered, broker epoch {}", self.nodeId(), brokerEpoch);
            caughtUp();
        } else if (answer.reply() instanceof ControllerReply.Refused refused) {
            onRefused(refused);
        } else if (command instanceof ControllerCommand.BrokerHeartbeat beat && beat.wantShutdown() && leftIndex < 0) {
            leftIndex = answer.index();
            leave();
        }
        return this;
    }

    /** Its leaderships have moved, and its own replicas have heard of it: others can be told. */
    private void leave() {
        if (leftIndex >= 0 && told.index() >= leftIndex && !timers.isTimerActive(Timer.FAREWELL)) {
            boolean alone = told.brokers().stream().allMatch(b -> b.brokerId() == self.nodeId() || b.fenced());
            timers.startSingleTimer(Timer.FAREWELL, alone ? Duration.ZERO : FAREWELL);
        }
    }

    private Behavior<Command> onFarewell() {
        leaving.forEach(l -> l.tell(Done.getInstance()));
        return this;
    }

    private void onRefused(ControllerReply.Refused refused) {
        Errors error = refused.refusal().error();
        if (!refused.refusal().equals(lastRefusal)) {
            lastRefusal = refused.refusal();
            getContext()
                    .getLog()
                    .warn("Broker {}: the controller answers {}: {}", self.nodeId(), error, lastRefusal.message());
        }
        if (brokerEpoch == null && error == Errors.DUPLICATE_BROKER_REGISTRATION) {
            onDuplicate(refused.refusal().message());
        }
        boolean forgotten = error == Errors.STALE_BROKER_EPOCH || error == Errors.BROKER_ID_NOT_REGISTERED;
        if (brokerEpoch != null && forgotten && !leaving.isEmpty()) {
            // It leads nothing by now, and whoever forgot it, or took its id, is not to hear of it again.
            onFarewell();
        } else if (brokerEpoch != null && forgotten) {
            // Another incarnation took the id, or this one was forgotten: a new registration, which proves nothing
            // about the logs.
            brokerEpoch = null;
            unanswered.clear();
            provenEpoch = -1;
            used = true;
            if (error == Errors.BROKER_ID_NOT_REGISTERED) {
                getContext()
                        .getLog()
                        .warn(
                                "Broker {} was unregistered while it runs, and registers again. To do without it, stop it"
                                        + " first, then unregister it.",
                                self.nodeId());
            }
            timers.startSingleTimer(Timer.HEARTBEAT, RETRY);
        }
    }

    /**
     * Answers are counted, of which one comes in each {@link #RETRY} at most, and not time: what passes while this process stands still
     * says nothing of the other.
     */
    private void onDuplicate(String message) {
        if (++duplicates > (long) DUPLICATE_SESSIONS * self.sessionTimeoutMs() / RETRY.toMillis()) {
            String where = image.broker(self.nodeId())
                    .map(b -> " The other one serves clients at "
                            + b.listeners().stream()
                                    .map(l -> l.address().toString())
                                    .collect(Collectors.joining(", "))
                            + ".")
                    .orElse("");
            outcome.refused("node.id=" + self.nodeId() + " is taken: " + message + where);
        }
    }

    private static long nowMs() {
        return System.nanoTime() / 1_000_000;
    }

    private Behavior<Command> onPublished(Published published) {
        Publication publication = published.publication();
        if (controllerEpoch.newerThan(publication.epoch())) {
            return this;
        }
        controllerEpoch = publication.epoch();
        MetadataImage before = image;
        if (publication instanceof Publication.Committed committed) {
            onCommitted(committed);
        } else if (publication instanceof Publication.SnapshotPart part) {
            onSnapshotPart(part);
        }
        if (image != before) {
            boolean mine = clusterId.isEmpty() || clusterId.get().equals(image.clusterId());
            if (!mine) {
                outcome.refused("the log dirs of this node, node " + self.nodeId() + ", belong to cluster "
                        + clusterId.get() + ", and it has come into cluster " + image.clusterId()
                        + "; set log.dirs to the directories of that cluster, or controller.quorum.voters to the voters"
                        + " of this one");
                image = before;
                return this;
            }
            cache.publish(image);
            caughtUp();
            if (before.index() < 0) {
                beat();
            }
        }
        return this;
    }

    private void onCommitted(Publication.Committed committed) {
        long index = committed.firstIndex();
        if (index > image.index() + 1) {
            follow();
            return;
        }
        for (byte[] event : committed.events()) {
            if (index == image.index() + 1) {
                image = image.apply(index, MetadataCodec.decode(event));
            }
            index++;
        }
    }

    private void onSnapshotPart(Publication.SnapshotPart part) {
        if (part.part() == 0) {
            snapshot.reset();
            snapshotPart = 0;
            snapshotIndex = part.index();
        }
        if (part.part() != snapshotPart || part.index() != snapshotIndex) {
            return;
        }
        snapshot.writeBytes(part.bytes());
        snapshotPart++;
        if (snapshotPart == part.parts()) {
            if (part.index() > image.index()) {
                image = MetadataCodec.decodeImage(snapshot.toByteArray());
            }
            snapshot.reset();
            snapshotPart = 0;
        }
    }

    /** Tells the subscribers, once this broker's own registration is in the image, and asks to be unfenced. */
    private void caughtUp() {
        if (brokerEpoch == null || image.index() < brokerEpoch) {
            return;
        }
        boolean first = told.index() < brokerEpoch && !self.votersOnly();
        if (image != told) {
            MetadataImage previous = told;
            told = image;
            subscribers.forEach(s -> s.tell(new ImageChanged(previous, image)));
        }
        if (first) {
            beat();
        }
        leave();
        tellAwaiting();
    }

    private void tellAwaiting() {
        boolean serves = brokerEpoch != null
                && told.index() >= brokerEpoch
                && (self.votersOnly()
                        || told.broker(self.nodeId())
                                .filter(b -> b.brokerEpoch() == brokerEpoch && !b.fenced())
                                .isPresent());
        if (serves) {
            awaiting.forEach(a -> a.tell(new Registered(brokerEpoch)));
            awaiting.clear();
        }
    }
}
