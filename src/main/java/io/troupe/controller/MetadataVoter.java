package io.troupe.controller;

import io.troupe.journal.JournaledRecord;
import java.time.Duration;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;

/**
 * A voter of the metadata quorum: one per voting node, at {@link #PATH}, which controllers on any node address. Persists
 * what {@link VoterCore} answers with before it answers. When its journal fails it stops answering and recovers again,
 * with growing pauses: to the quorum it is a voter that is down.
 */
public final class MetadataVoter extends EventSourcedBehavior<MetadataVoter.Command, JournaledRecord, VoterState> {
    /** Name under which the guardian spawns the voter. */
    public static final String NAME = "metadata-voter";

    /** Where it then stands on its node. */
    public static final String PATH = "/user/" + NAME;

    /** Its persistence id in the metadata journal. */
    public static final String PERSISTENCE_ID = "metadata-voter";

    public sealed interface Command permits Ask {}

    /** A request and who asks. */
    record Ask(Quorum.Request request, ActorRef<Quorum.Reply> replyTo) implements Command, RemoteMessage {}

    private final VoterCore core;

    private MetadataVoter(int nodeId, String journalPluginId) {
        super(
                PersistenceId.ofUniqueId(PERSISTENCE_ID),
                SupervisorStrategy.restartWithBackoff(Duration.ofMillis(200), Duration.ofSeconds(10), 0.2));
        this.core = new VoterCore(nodeId);
        this.plugin = journalPluginId;
    }

    private final String plugin;

    /** @param journalPluginId config path of the plugin of the voter's own journal, which fsyncs every write */
    public static Behavior<Command> create(int nodeId, String journalPluginId) {
        return new MetadataVoter(nodeId, journalPluginId);
    }

    @Override
    public String journalPluginId() {
        return plugin;
    }

    /** None: the journal is replayed whole, until voters take snapshots. */
    @Override
    public String snapshotPluginId() {
        return "pekko.persistence.no-snapshot-store";
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
