package io.troupe.controller;

import io.troupe.journal.JournaledRecord;
import io.troupe.journal.JournaledSnapshot;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.SnapshotAdapter;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.RetentionCriteria;

/**
 * A voter of the metadata quorum: one per voting node, at {@link #PATH}, which controllers on any node address. Persists
 * what {@link VoterCore} answers with before it answers, and a snapshot of it all now and then, which cuts the journal. Answers nobody before its
 * node is in the cluster, which is only let in with the right voter list and cluster id. When its journal fails it stops answering and recovers
 * again, with growing pauses: to the quorum it is a voter that is down.
 */
public final class MetadataVoter extends EventSourcedBehavior<MetadataVoter.Command, JournaledRecord, VoterState> {
    /** Name under which the guardian spawns the voter. */
    public static final String NAME = "metadata-voter";

    /** Where it then stands on its node. */
    public static final String PATH = "/user/" + NAME;

    /** Its persistence id in the metadata journal. */
    public static final String PERSISTENCE_ID = "metadata-voter";

    /** Journal records between two snapshots; the one before is kept with what follows it. */
    private static final int SNAPSHOT_EVERY = 1000;

    public sealed interface Command permits Ask {}

    /** A request and who asks. */
    record Ask(Quorum.Request request, ActorRef<Quorum.Reply> replyTo) implements Command, RemoteMessage {}

    private final VoterCore core;
    private final String journal;
    private final String snapshots;
    private final BooleanSupplier inCluster;

    private MetadataVoter(int nodeId, String journalPluginId, String snapshotPluginId, BooleanSupplier inCluster) {
        super(
                PersistenceId.ofUniqueId(PERSISTENCE_ID),
                SupervisorStrategy.restartWithBackoff(Duration.ofMillis(200), Duration.ofSeconds(10), 0.2));
        this.core = new VoterCore(nodeId, Uuid::randomUuid);
        this.journal = journalPluginId;
        this.snapshots = snapshotPluginId;
        this.inCluster = inCluster;
    }

    /**
     * @param journalPluginId config path of the plugin of the voter's own journal, which fsyncs every write
     * @param snapshotPluginId config path of the plugin that keeps its snapshots
     */
    public static Behavior<Command> create(int nodeId, String journalPluginId, String snapshotPluginId) {
        return Behaviors.setup(context -> {
            Cluster cluster = Cluster.get(context.getSystem());
            return new MetadataVoter(nodeId, journalPluginId, snapshotPluginId, () -> {
                MemberStatus status = cluster.selfMember().status();
                return status != MemberStatus.removed() && status != MemberStatus.down();
            });
        });
    }

    @Override
    public String journalPluginId() {
        return journal;
    }

    @Override
    public String snapshotPluginId() {
        return snapshots;
    }

    @Override
    public RetentionCriteria retentionCriteria() {
        return RetentionCriteria.snapshotEvery(SNAPSHOT_EVERY, 2).withDeleteEventsOnSnapshot();
    }

    @Override
    public SnapshotAdapter<VoterState> snapshotAdapter() {
        return new SnapshotAdapter<>() {
            @Override
            public Object toJournal(VoterState state) {
                state.compact();
                return new JournaledSnapshot(state.encode());
            }

            @Override
            public VoterState fromJournal(Object from) {
                JournaledSnapshot snapshot = (JournaledSnapshot) from;
                return snapshot.damaged() ? VoterState.ofDamage() : VoterState.decodeState(snapshot.value());
            }
        };
    }

    @Override
    public VoterState emptyState() {
        return new VoterState();
    }

    @Override
    public CommandHandler<Command, JournaledRecord, VoterState> commandHandler() {
        return newCommandHandlerBuilder()
                .forAnyState()
                .onCommand(Ask.class, this::onAsk)
                .build();
    }

    private Effect<JournaledRecord, VoterState> onAsk(VoterState state, Ask ask) {
        if (!inCluster.getAsBoolean()) {
            return Effect().none();
        }
        VoterCore.Answer answer = core.handle(state, ask.request());
        if (answer.events().isEmpty()) {
            answered(state, ask, answer);
            return Effect().none();
        }
        return Effect()
                .persist(new JournaledRecord(VoterState.encode(answer.events())))
                .thenRun(after -> answered(after, ask, answer));
    }

    private void answered(VoterState state, Ask ask, VoterCore.Answer answer) {
        if (ask.request() instanceof Quorum.Append append && answer.reply() instanceof Quorum.Acked acked) {
            state.noteCommitted(Math.min(append.commitIndex(), acked.matchedIndex()));
        }
        ask.replyTo().tell(answer.reply());
    }

    @Override
    public EventHandler<VoterState, JournaledRecord> eventHandler() {
        return newEventHandlerBuilder().forAnyState().onAnyEvent((state, event) -> {
            VoterState.decode(event.value()).forEach(state::apply);
            return state;
        });
    }
}
