package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import io.troupe.journal.JournalCommand.Done;
import io.troupe.journal.JournalCommand.Failed;
import io.troupe.journal.JournalCommand.OpenReply;
import io.troupe.journal.JournalCommand.Opened;
import io.troupe.journal.JournalCommand.Reply;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.Recovery;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The journal behind a real actor system and real persistent actors. */
class JournalPluginTest {
    @TempDir
    Path path;

    private Journals journals;
    private ActorSystem<Void> system;
    private ActorTestKit kit;

    @BeforeEach
    void start() {
        journals = Journals.open(List.of(path), 1, Optional.of("cluster-a"));
        system = ActorSystem.create(
                Behaviors.empty(),
                "journal",
                ActorSystemSetup.create(
                        BootstrapSetup.create(journals.pluginConfig()
                                .withFallback(ConfigFactory.parseString("""
                                        pekko.loglevel = WARNING
                                        pekko.actor.provider = local
                                        """))
                                .withFallback(ConfigFactory.load())),
                        journals));
        kit = ActorTestKit.create(system);
    }

    @AfterEach
    void stop() throws Exception {
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().get(30, java.util.concurrent.TimeUnit.SECONDS);
        journals.close();
    }

    private void restart() throws Exception {
        stop();
        start();
    }

    private void tell(JournalCommand command) {
        String plugin = journals.pluginFor(JournalFixture.PARTITION);
        Journals.journalFor(Adapter.toClassic(system), plugin)
                .tell(command, org.apache.pekko.actor.ActorRef.noSender());
    }

    private Opened open(long flushMessages) {
        TestProbe<OpenReply> opened = kit.createTestProbe();
        tell(new JournalCommand.Open(
                JournalFixture.PID,
                JournalFixture.PARTITION,
                JournalFixture.config(1 << 20, flushMessages),
                opened.getRef()));
        return opened.expectMessageClass(Opened.class, Duration.ofSeconds(30));
    }

    record Persist(LogAppend group, ActorRef<Long> replyTo) {}

    /** The shape of a ReplicaLog: recovery is disabled, an event is a group of batches. */
    private static final class Writer extends EventSourcedBehavior<Persist, LogAppend, Integer> {
        private final String plugin;

        Writer(String pid, String plugin) {
            super(PersistenceId.ofUniqueId(pid));
            this.plugin = plugin;
        }

        @Override
        public String journalPluginId() {
            return plugin;
        }

        @Override
        public Recovery recovery() {
            return Recovery.disabled();
        }

        @Override
        public Integer emptyState() {
            return 0;
        }

        @Override
        public CommandHandler<Persist, LogAppend, Integer> commandHandler() {
            return (state, command) -> Effect().persist(command.group()).thenRun(s -> command.replyTo()
                    .tell(command.group().endOffset()));
        }

        @Override
        public EventHandler<Integer, LogAppend> eventHandler() {
            return (state, event) -> state + 1;
        }
    }

    private ActorRef<Persist> writer() {
        Behavior<Persist> behavior = new Writer(JournalFixture.PID, journals.pluginFor(JournalFixture.PARTITION));
        return kit.spawn(behavior);
    }

    @Test
    void groupsPersistedByAnEventSourcedBehaviorAreTheLog() throws Exception {
        for (long flushMessages : new long[] {Long.MAX_VALUE, 1}) {
            Opened opened = open(flushMessages);
            ActorRef<Persist> writer = writer();
            TestProbe<Long> done = kit.createTestProbe();
            long leo = opened.logEndOffset();
            writer.tell(new Persist(JournalFixture.group(JournalFixture.batch(leo, 3, 100, 2, 10)), done.getRef()));
            writer.tell(new Persist(JournalFixture.group(JournalFixture.batch(leo + 3, 2, 200, 2, 10)), done.getRef()));
            done.expectMessage(Duration.ofSeconds(30), leo + 3);
            done.expectMessage(Duration.ofSeconds(30), leo + 5);
            assertEquals(leo + 5, opened.reader().logEndOffset());
            kit.stop(writer);
        }
        restart();
        Opened again = open(1);
        assertEquals(10, again.logEndOffset());
        assertTrue(again.cleanShutdown());
        assertEquals(List.of(new JournalCommand.EpochStart(2, 0)), again.epochs());
    }

    @Test
    void anOlderIncarnationIsRefusedAfterTheNextOpen() {
        open(1);
        ActorRef<Persist> old = writer();
        TestProbe<Long> done = kit.createTestProbe();
        old.tell(new Persist(JournalFixture.group(JournalFixture.batch(0, 1, 1, 0, 1)), done.getRef()));
        done.expectMessage(Duration.ofSeconds(30), 1L);
        Opened opened = open(1);
        old.tell(new Persist(JournalFixture.group(JournalFixture.batch(1, 1, 1, 0, 1)), done.getRef()));
        done.expectTerminated(old, Duration.ofSeconds(30));
        assertEquals(1, opened.reader().logEndOffset());
        ActorRef<Persist> next = writer();
        next.tell(new Persist(JournalFixture.group(JournalFixture.batch(1, 1, 1, 0, 1)), done.getRef()));
        done.expectMessage(Duration.ofSeconds(30), 2L);
    }

    @Test
    void truncateThenOpenAndWriteOn() {
        open(1);
        ActorRef<Persist> first = writer();
        TestProbe<Long> done = kit.createTestProbe();
        for (int i = 0; i < 5; i++) {
            first.tell(new Persist(JournalFixture.group(JournalFixture.batch(i, 1, i, 1, 1)), done.getRef()));
            done.expectMessage(Duration.ofSeconds(30), i + 1L);
        }
        kit.stop(first);
        TestProbe<Reply> reply = kit.createTestProbe();
        tell(new JournalCommand.Truncate(JournalFixture.PID, 2, reply.getRef()));
        reply.expectMessage(Duration.ofSeconds(30), Done.DONE);
        Opened opened = open(1);
        assertEquals(2, opened.logEndOffset());
        tell(new JournalCommand.StartEpoch(JournalFixture.PID, 9, 2, reply.getRef()));
        reply.expectMessage(Duration.ofSeconds(30), Done.DONE);
        ActorRef<Persist> second = writer();
        second.tell(new Persist(JournalFixture.group(JournalFixture.batch(2, 1, 1, 9, 1)), done.getRef()));
        done.expectMessage(Duration.ofSeconds(30), 3L);
        assertEquals(
                List.of(new JournalCommand.EpochStart(1, 0), new JournalCommand.EpochStart(9, 2)), open(1).epochs());
    }

    @Test
    void commandsForALogThatIsNotOpenFail() {
        TestProbe<Reply> reply = kit.createTestProbe();
        tell(new JournalCommand.Truncate("replica-unknown", 2, reply.getRef()));
        assertInstanceOf(Failed.class, reply.receiveMessage(Duration.ofSeconds(30)));
    }

    /** A voter: events are JournaledRecords and recovery replays them all. */
    private static final class Voter extends EventSourcedBehavior<String, JournaledRecord, List<String>> {
        private final ActorRef<List<String>> states;
        private final String plugin;

        Voter(String plugin, ActorRef<List<String>> states) {
            super(PersistenceId.ofUniqueId("voter-1"));
            this.states = states;
            this.plugin = plugin;
        }

        @Override
        public String journalPluginId() {
            return plugin;
        }

        @Override
        public List<String> emptyState() {
            return List.of();
        }

        @Override
        public CommandHandler<String, JournaledRecord, List<String>> commandHandler() {
            return (state, command) ->
                    Effect().persist(new JournaledRecord(command.getBytes())).thenRun(states::tell);
        }

        @Override
        public EventHandler<List<String>, JournaledRecord> eventHandler() {
            return (state, event) -> {
                List<String> more = new ArrayList<>(state);
                more.add(new String(event.value()));
                return more;
            };
        }

        @Override
        public SignalHandler<List<String>> signalHandler() {
            return newSignalHandlerBuilder()
                    .onSignal(RecoveryCompleted.class, (state, signal) -> states.tell(state))
                    .build();
        }
    }

    @Test
    void aVotersRecordsAreReplayedInOrderAfterARestart() throws Exception {
        TestProbe<List<String>> states = kit.createTestProbe();
        Behavior<String> voter = new Voter(journals.metadataPlugin(), states.getRef());
        ActorRef<String> first = kit.spawn(voter);
        states.expectMessage(Duration.ofSeconds(30), List.of());
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            first.tell("event " + i);
            expected.add("event " + i);
            states.expectMessage(Duration.ofSeconds(30), List.copyOf(expected));
        }
        kit.stop(first);
        ActorRef<String> second = kit.spawn(Behaviors.setup(c -> voter));
        states.expectMessage(Duration.ofSeconds(30), expected);
        second.tell("more");
        expected.add("more");
        states.expectMessage(Duration.ofSeconds(30), expected);
        restart();
        TestProbe<List<String>> after = kit.createTestProbe();
        kit.spawn((Behavior<String>) new Voter(journals.metadataPlugin(), after.getRef()));
        after.expectMessage(Duration.ofSeconds(30), expected);
    }
}
