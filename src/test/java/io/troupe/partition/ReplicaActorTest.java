package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.journal.JournalCommand;
import io.troupe.journal.LogReader.SegmentInfo;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.model.Refusal;
import io.troupe.model.ReplicaId;
import io.troupe.partition.ReplicaActor.Assigned;
import io.troupe.partition.ReplicaActor.Settled;
import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.ActorIdentity;
import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.Identify;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.persistence.Persistence;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The Replica's actor against a journal that the test holds in its hand. */
class ReplicaActorTest {
    private static final TopicIdPartition PARTITION = new TopicIdPartition(Uuid.randomUuid(), 0, "__consumer_offsets");
    private static final long BROKER_EPOCH = 11;
    private static final PartitionKey KEY = new PartitionKey(PARTITION.topicId(), 0);
    private static final ReplicaId ID = new ReplicaId(PARTITION.topicId(), 0, 1);

    private final StubJournal.Control journal = new StubJournal.Control();
    private final org.apache.pekko.actor.ActorSystem classic = org.apache.pekko.actor.ActorSystem.create(
            "replica",
            ActorSystemSetup.create(
                    journal,
                    BootstrapSetup.create(StubJournal.config()
                            .withFallback(ConfigFactory.parseString("pekko.loglevel = OFF"))
                            .withFallback(ConfigFactory.load()))));
    private final ActorSystem<Void> system = Adapter.toTyped(classic);
    private final ActorTestKit kit = ActorTestKit.create(system);
    private final LocalReplicas local = new LocalReplicas();
    private final TestProbe<Leadership> leadership = kit.createTestProbe();
    private final TestProbe<Settled> settled = kit.createTestProbe();
    private final TestProbe<ReplicaLinks.Command> links = kit.createTestProbe();
    private final BlockingQueue<ControllerCommand> commands = new LinkedBlockingQueue<>();
    private final BlockingQueue<CompletableFuture<ControllerReply>> replies = new LinkedBlockingQueue<>();
    private final MetadataCache metadata = new MetadataCache();
    private final ReplicaSettings settings = new ReplicaSettings(
            1,
            local,
            leadership.ref(),
            partition -> StubJournal.PLUGIN,
            plugin -> Persistence.get(classic).journalFor(plugin, ConfigFactory.empty()),
            System::currentTimeMillis,
            86_400_000,
            10,
            300_000,
            1 << 20,
            new LeaderEpochClaims(),
            new ReplicationPeers(
                    links.ref(),
                    (command, timeoutMs) -> {
                        commands.add(command);
                        CompletableFuture<ControllerReply> reply = new CompletableFuture<>();
                        replies.add(reply);
                        return reply;
                    },
                    metadata,
                    30_000,
                    false,
                    () -> System.nanoTime() / 1_000_000));
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private ActorRef<Replica.Command> replica = kit.spawn(ReplicaActor.create(ID, settings));

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    @Test
    void leadsOnlyAfterItsEpochIsOnDiskAndSaysSo() throws Exception {
        journal.ends.put("replica-" + ID.entityId(), 5L);
        elect(3);
        JournalCommand.StartEpoch start = journal.next(JournalCommand.StartEpoch.class);
        assertEquals(3, start.leaderEpoch());
        assertEquals(5, start.startOffset());
        Leadership.Elected elected = leadership.expectMessageClass(Leadership.Elected.class);
        assertEquals(5, elected.epochStartOffset());
        assertSame(elected.leader(), local.leader(PARTITION.topicId(), 0));
        assertEquals(5, elected.leader().view().highWatermark());
        append("a", -1);
        assertAnswers("a@5");
        assertEquals(6, elected.leader().view().highWatermark());
    }

    @Test
    void appendsThatArriveDuringAPersistBecomeOneGroup() throws Exception {
        journal.hold = true;
        elect(3);
        append("a", 1);
        StubJournal.Held first = journal.nextHeld();
        append("b", 1);
        append("c", -1);
        append("d", 0);
        replica.tell(new Replica.AwaitData(() -> answers.add("reader"), 0, false));
        first.complete().run();
        StubJournal.Held second = journal.nextHeld();
        assertEquals(3, second.append().buffers().size());
        assertEquals(1, second.append().baseOffset());
        assertAnswers("a@0", "reader");
        second.complete().run();
        assertAnswers("b@1", "d@3", "c@2");
    }

    @Test
    void anIdleLeaderHasNoLogActorAndItsFirstWriteStartsIt() throws Exception {
        elect(3);
        leadership.expectMessageClass(Leadership.Elected.class);
        assertFalse(hasLogActor(3));
        append("a", 1);
        append("b", 1);
        assertAnswers("a@0", "b@1");
        assertTrue(hasLogActor(3));
        elect(4);
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 3));
        leadership.expectMessageClass(Leadership.Elected.class);
        assertFalse(hasLogActor(3) || hasLogActor(4));
        elect(5);
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 4));
        leadership.expectMessageClass(Leadership.Elected.class);
        append("c", -1);
        assertAnswers("c@2");
    }

    private boolean hasLogActor(int epoch) {
        TestProbe<Object> probe = kit.createTestProbe();
        classic.actorSelection(replica.path().child("log-" + epoch))
                .tell(new Identify(epoch), Adapter.toClassic(probe.ref()));
        return probe.expectMessageClass(ActorIdentity.class).getActorRef().isPresent();
    }

    /** Rule 1.11. */
    @Test
    void aLastKnownReplicaTellsHowLongItsLogIsUntilSomebodyLeads() throws Exception {
        journal.ends.put("replica-" + ID.entityId(), 5L);
        PartitionImage asks = new PartitionImage(
                0, List.of(1, 2), PartitionImage.NO_LEADER, 3, 3, List.of(), List.of(), List.of(1, 2));
        assign(asks);
        ControllerCommand.ReportLogs first =
                assertInstanceOf(ControllerCommand.ReportLogs.class, commands.poll(30, TimeUnit.SECONDS));
        ControllerCommand.LogReport log = first.logs().get(0);
        assertEquals(PARTITION.topicId(), log.topicId());
        assertEquals(3, log.leaderEpoch());
        assertEquals(5, log.logEndOffset());
        assertEquals(first, commands.poll(30, TimeUnit.SECONDS), "a new controller has not heard it yet");
        assign(image(4, 4));
        leadership.expectMessageClass(Leadership.Elected.class);
    }

    @Test
    void aFollowerTakesNoWrites() throws Exception {
        append("a", 1);
        replica.tell(new Replica.AwaitData(() -> answers.add("reader"), 0, false));
        assertAnswers("a!NOT_LEADER_OR_FOLLOWER", "reader");
        assign(new PartitionImage(0, List.of(1, 2), 2, 3, 3, List.of(1, 2), List.of(), List.of()));
        settled.receiveMessage();
        append("b", 1);
        assertAnswers("b!NOT_LEADER_OR_FOLLOWER");
        assertNull(local.leader(PARTITION.topicId(), 0));
    }

    /** KIP-392: never beyond the HW that it knows, in the epoch that it follows, until it leads or ends. */
    @Test
    void aFollowerIsReadToTheHighWatermarkThatItKnows() throws Exception {
        assign(new PartitionImage(0, List.of(1, 2), 2, 3, 3, List.of(1, 2), List.of(), List.of()));
        settled.receiveMessage();
        LocalReplicas.Follower follower = local.follower(PARTITION.topicId(), 0);
        replica.tell(new Replica.AwaitData(() -> answers.add("first"), 0, false));
        replica.tell(new Replica.AwaitData(() -> answers.add("second"), 2, false));
        TestProbe<FollowerLink.Command> link = kit.createTestProbe();
        ByteBuffer batch = TestBatches.batch(2);
        BatchHeader.stamp(batch, batch.position(), 0, 3);
        replica.tell(new ReplicaActor.Replicate(3, 0, batch, 0, 0, 7, batch.remaining(), link.ref()));
        link.receiveMessage();
        assertEquals(0, follower.view().highWatermark());
        assertEquals(2, follower.view().logEndOffset(), "before the leader is told");
        assertEquals(
                List.of(new JournalCommand.EpochStart(3, 0)), follower.view().epochs());
        assertEquals(0, answers.size());
        replica.tell(new ReplicaActor.Replicate(3, 2, ByteBuffer.allocate(0), 9, 0, 7, 0, link.ref()));
        assertAnswers("first");
        assertEquals(2, follower.view().highWatermark(), "of what the leader says only what is here");
        elect(4);
        assertAnswers("second");
        assertNull(local.follower(PARTITION.topicId(), 0));
    }

    @Test
    void aFollowerStoresWhatItsLeaderSendsTellsHowFarItHasComeAndLeadsOnFromThere() throws Exception {
        assign(new PartitionImage(0, List.of(1, 2), 2, 3, 3, List.of(1, 2), List.of(), List.of()));
        settled.receiveMessage();
        ReplicaLinks.Follow follow = links.expectMessageClass(ReplicaLinks.Follow.class);
        assertEquals(2, follow.leader());
        assertEquals(new FollowerLink.Follow(KEY, BROKER_EPOCH, 3, 0, -1, replica), follow.follow());
        TestProbe<FollowerLink.Command> link = kit.createTestProbe();
        ByteBuffer batch = TestBatches.batch(2);
        BatchHeader.stamp(batch, batch.position(), 0, 3);
        int size = batch.remaining();
        replica.tell(new ReplicaActor.Replicate(3, 0, batch, 0, 0, 7, size, link.ref()));
        link.expectMessage(new FollowerLink.At(KEY, 3, 2, 3, 7, size));
        replica.tell(new ReplicaActor.Replicate(2, 2, batch, 0, 0, 7, size, link.ref()));
        link.expectMessage(new FollowerLink.At(KEY, 3, 2, 3, 7, size));
        elect(4);
        links.expectMessage(new ReplicaLinks.Unfollow(2, new FollowerLink.Unfollow(KEY, replica)));
        assertEquals(2, journal.next(JournalCommand.StartEpoch.class).startOffset());
        replica.tell(new ReplicaActor.Replicate(3, 2, batch, 0, 0, 7, size, link.ref()));
        assertEquals(size, link.expectMessageClass(FollowerLink.At.class).credit(), "a leader takes nothing");
    }

    /** Rule 1.12. */
    @Test
    void aFollowerCutsItsLogAsItsLeaderAnswersAndAsksAgain() throws Exception {
        journal.ends.put("replica-" + ID.entityId(), 50L);
        assign(new PartitionImage(0, List.of(1, 2), 2, 3, 3, List.of(1, 2), List.of(), List.of()));
        assertEquals(
                50, links.expectMessageClass(ReplicaLinks.Follow.class).follow().offset());
        replica.tell(new ReplicaActor.Diverged(new LinkMessage.Divergence(KEY, 2, -1, 0, 0)));
        replica.tell(new ReplicaActor.Diverged(new LinkMessage.Divergence(KEY, 3, -1, 0, 0)));
        assertEquals(0, journal.next(JournalCommand.Truncate.class).endOffset());
        links.expectMessageClass(ReplicaLinks.Unfollow.class);
        assertEquals(
                0, links.expectMessageClass(ReplicaLinks.Follow.class).follow().offset());
        replica.tell(new ReplicaActor.Diverged(new LinkMessage.Divergence(KEY, 3, -1, 70, 70)));
        assertEquals(70, journal.next(JournalCommand.StartAt.class).startOffset());
        links.expectMessageClass(ReplicaLinks.Unfollow.class);
        assertEquals(
                70, links.expectMessageClass(ReplicaLinks.Follow.class).follow().offset());
    }

    /** Rules 1.6, 1.7: an expansion counts when it is proposed, and is proposed again when its answer is lost. */
    @Test
    void aLeaderProposesWhoHasCaughtUpAndWaitsForIt() throws Exception {
        metadata.publish(MetadataImage.empty()
                .apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"))
                .apply(1, new MetadataEvent.BrokerRegistered(broker(1), true))
                .apply(2, new MetadataEvent.BrokerRegistered(broker(2), true))
                .apply(3, new MetadataEvent.BrokerFencingChanged(2, 2, false, false)));
        assign(new PartitionImage(0, List.of(1, 2), 1, 3, 3, List.of(1), List.of(), List.of()));
        settled.receiveMessage();
        links.expectMessageClass(ReplicaLinks.Leads.class);
        TestProbe<LeaderLink.Command> link = kit.createTestProbe();
        long epoch = metadata.current().broker(2).orElseThrow().brokerEpoch();
        replica.tell(new ReplicaActor.FollowerAt(2, epoch, 3, 0, link.ref()));
        link.expectMessage(new LeaderLink.Moved(KEY));
        ControllerCommand.AlterPartition proposal =
                (ControllerCommand.AlterPartition) commands.poll(30, TimeUnit.SECONDS);
        assertEquals(List.of(1, 2), proposal.isr());
        assertEquals(3, proposal.partitionEpoch());
        append("a", -1, 60_000);
        assertEquals(
                1, link.expectMessageClass(LeaderLink.Appended.class).group().endOffset());
        replies.poll(30, TimeUnit.SECONDS).complete(new ControllerReply.Refused(Refusal.of(Errors.REQUEST_TIMED_OUT)));
        assertEquals(proposal, commands.poll(30, TimeUnit.SECONDS));
        assertTrue(answers.isEmpty(), "the proposed member has not got it yet");
        replica.tell(new ReplicaActor.FollowerAt(2, epoch, 2, 1, link.ref()));
        replica.tell(new ReplicaActor.FollowerAt(2, epoch, 3, 1, link.ref()));
        assertAnswers("a@0");
    }

    /** A reassignment adds replicas in the same leader epoch; the link to such a broker may not exist, or have heard of it too early. */
    @Test
    void aLeaderTellsItsLinksOfReplicasThatAreAdded() throws Exception {
        assign(image(3, 3));
        settled.receiveMessage();
        links.expectNoMessage(Duration.ofMillis(50));
        assign(new PartitionImage(
                0, List.of(1, 2, 3), 1, 3, 4, List.of(1), List.of(), List.of(), List.of(2, 3), List.of(), List.of()));
        links.expectMessage(new ReplicaLinks.Leads(KEY, List.of(2, 3)));
        assign(new PartitionImage(
                0,
                List.of(1, 2, 3),
                1,
                3,
                5,
                List.of(1, 2),
                List.of(),
                List.of(),
                List.of(2, 3),
                List.of(),
                List.of()));
        links.expectNoMessage(Duration.ofMillis(50));
    }

    @Test
    void aWriteThatFailsEndsTheLeadershipForThisEpoch() throws Exception {
        elect(3);
        leadership.expectMessageClass(Leadership.Elected.class);
        journal.hold = true;
        append("a", 1);
        StubJournal.Held held = journal.nextHeld();
        append("b", -1);
        replica.tell(new Replica.AwaitData(() -> answers.add("reader"), 0, false));
        replica.tell(new Replica.CancelWait(() -> {}));
        held.fail().accept(new IOException("disk full"));
        assertAnswers("a!KAFKA_STORAGE_ERROR", "b!KAFKA_STORAGE_ERROR", "reader");
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 3));
        assertNull(local.leader(PARTITION.topicId(), 0));
        journal.next(JournalCommand.Close.class);
        assertTrue(settled.receiveMessage().failed(), "so that another is elected");
        journal.hold = false;
        assign(image(3, 4));
        settled.receiveMessage();
        append("c", 1);
        assertAnswers("c!NOT_LEADER_OR_FOLLOWER");
        elect(4);
        leadership.expectMessageClass(Leadership.Elected.class);
        append("d", 1);
        assertAnswers("d@0");
    }

    @Test
    void aFailedLogDirEndsLeadershipsThatHaveWrittenNothing() throws Exception {
        elect(3);
        leadership.expectMessageClass(Leadership.Elected.class);
        replica.tell(ReplicaActor.LogOffline.LOG_OFFLINE);
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 3));
        journal.next(JournalCommand.Close.class);
        append("a", 1);
        assertAnswers("a!NOT_LEADER_OR_FOLLOWER");
        // Another leads: what has failed is not tried again.
        journal.commands.clear();
        assign(new PartitionImage(0, List.of(1, 2), 2, 4, 4, List.of(2), List.of(), List.of()).withOffline(List.of(1)));
        settled.receiveMessage();
        assertTrue(journal.commands.isEmpty(), journal.commands::toString);
    }

    @Test
    void aNewEpochResignsTheOldOneAndOpensAnew() throws Exception {
        elect(3);
        leadership.expectMessageClass(Leadership.Elected.class);
        journal.hold = true;
        append("a", 1);
        StubJournal.Held held = journal.nextHeld();
        replica.tell(new Assigned(PARTITION, image(5, 5), TestBatches.config(1), BROKER_EPOCH, settled.ref()));
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 3));
        assertAnswers("a!NOT_LEADER_OR_FOLLOWER");
        held.complete().run();
        Leadership.Elected elected = leadership.expectMessageClass(Leadership.Elected.class);
        assertEquals(5, elected.leaderEpoch());
        replica.tell(new Assigned(PARTITION, image(3, 3), TestBatches.config(1), BROKER_EPOCH, settled.ref()));
        append("b", 1);
        journal.nextHeld().complete().run();
        assertInstanceOf(String.class, answers.poll(30, TimeUnit.SECONDS));
        assertSame(elected.leader(), local.leader(PARTITION.topicId(), 0), "older metadata changes nothing");
    }

    @Test
    void anEntityThatCrashedDoesNotLeadTwiceInOneEpoch() throws Exception {
        elect(3);
        leadership.expectMessageClass(Leadership.Elected.class);
        kit.stop(replica);
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 3));
        replica = kit.spawn(ReplicaActor.create(ID, settings));
        elect(3);
        append("a", 1);
        assertAnswers("a!NOT_LEADER_OR_FOLLOWER");
        elect(4);
        assertEquals(4, leadership.expectMessageClass(Leadership.Elected.class).leaderEpoch());
    }

    @Test
    void aLogThatCannotBeOpenedIsTriedAgainInTheSameEpoch() throws Exception {
        journal.refuseOpen = Errors.KAFKA_STORAGE_ERROR;
        elect(3);
        append("a", 1);
        assertAnswers("a!NOT_LEADER_OR_FOLLOWER");
        journal.refuseOpen = null;
        assertEquals(3, leadership.expectMessageClass(Leadership.Elected.class).leaderEpoch());
        append("b", 1);
        assertAnswers("b@0");
    }

    @Test
    void aDeletedPartitionWhoseLogCannotBeOpenedEnds() throws Exception {
        journal.refuseOpen = Errors.KAFKA_STORAGE_ERROR;
        elect(3);
        replica.tell(new ReplicaActor.Delete(PARTITION));
        journal.next(JournalCommand.Delete.class);
        kit.createTestProbe().expectTerminated(replica);
    }

    @Test
    void anEpochThatCannotBeRecordedLeavesThePartitionOffline() throws Exception {
        journal.refuseEpoch = Errors.KAFKA_STORAGE_ERROR;
        assign(image(4, 4));
        assertTrue(settled.receiveMessage().failed());
        assertFalse(settled.receiveMessage().failed(), "done what could be done");
        assertNull(local.leader(PARTITION.topicId(), 0));
        journal.next(JournalCommand.Close.class);
        leadership.expectNoMessage(Duration.ofMillis(50));
    }

    @Test
    void acksAllTimesOutWhileTheIsrLagsAndTheBatchStays() throws Exception {
        assign(new PartitionImage(0, List.of(1, 2), 1, 3, 3, List.of(1, 2), List.of(), List.of()));
        settled.receiveMessage();
        append("a", -1, 20);
        assertAnswers("a!REQUEST_TIMED_OUT");
        append("b", -1, 60_000);
        assign(new PartitionImage(0, List.of(1, 2), 1, 3, 4, List.of(1), List.of(), List.of()));
        assertAnswers("b@1");
    }

    @Test
    void stoppingRemembersTheHighWatermarkThenClosesThenAnswers() throws Exception {
        elect(3);
        append("a", 1);
        assertAnswers("a@0");
        assertEquals(
                1, journal.next(JournalCommand.CheckpointHighWatermark.class).highWatermark());
        TestProbe<ReplicaActor.Stopped> stopped = kit.createTestProbe();
        replica.tell(new ReplicaActor.Stop(stopped.ref()));
        journal.next(JournalCommand.Close.class);
        stopped.expectMessage(new ReplicaActor.Stopped(ID));
        stopped.expectTerminated(replica);
    }

    @Test
    void aDeletedPartitionIsClosedBeforeItIsDeleted() throws Exception {
        elect(3);
        settledLeader();
        replica.tell(new ReplicaActor.Delete(PARTITION));
        journal.next(JournalCommand.Close.class);
        assertEquals(PARTITION, journal.next(JournalCommand.Delete.class).partition());
        kit.createTestProbe().expectTerminated(replica);
    }

    /** A handler that found the leader just before is late; LocalReplicas takes no lock. */
    @Test
    void aReplicaThatHasEndedStillAnswers() throws Exception {
        kit.spawn(LostRequests.create());
        elect(3);
        replica.tell(new ReplicaActor.Delete(PARTITION));
        kit.createTestProbe().expectTerminated(replica);
        // The subscription is asynchronous, so ask until it is there; each is answered at most once.
        String answer = null;
        for (int i = 0; i < 300 && answer == null; i++) {
            append("a", 1);
            answer = answers.poll(100, TimeUnit.MILLISECONDS);
        }
        assertEquals("a!NOT_LEADER_OR_FOLLOWER", answer);
        replica.tell(new Replica.AwaitData(() -> answers.add("reader"), 0, false));
        // On a slow machine more than one was sent before the first answer came.
        do {
            answer = answers.poll(30, TimeUnit.SECONDS);
        } while ("a!NOT_LEADER_OR_FOLLOWER".equals(answer));
        assertEquals("reader", answer);
    }

    @Test
    void aChangedConfigReachesTheJournal() throws Exception {
        elect(3);
        replica.tell(new Assigned(PARTITION, image(3, 3), TestBatches.config(2), BROKER_EPOCH, settled.ref()));
        assertEquals(2, journal.next(JournalCommand.Reconfigure.class).config().minInsyncReplicas());
    }

    @Test
    void aConfigThatChangesWhileTheLogOpensReachesTheJournal() throws Exception {
        journal.holdOpen = true;
        assign(image(3, 3));
        Runnable answer = journal.heldOpens.poll(30, TimeUnit.SECONDS);
        assertNotNull(answer, "the log is not opened");
        replica.tell(new Assigned(PARTITION, image(3, 3), TestBatches.config(2), BROKER_EPOCH, settled.ref()));
        // It has taken the new state when it answers this.
        replica.tell(new Replica.AwaitData(() -> answers.add("reader"), 0, false));
        assertAnswers("reader");
        answer.run();
        assertEquals(2, journal.next(JournalCommand.Reconfigure.class).config().minInsyncReplicas());
    }

    @Test
    void recordsAreDeletedUpToTheHighWatermarkAndEverybodySeesTheNewStart() throws Exception {
        elect(3);
        append("a", 1);
        append("b", 1);
        append("c", 1);
        assertAnswers("a@0", "b@1", "c@2");
        delete("x", 2);
        JournalCommand.AdvanceLogStart advance = journal.next(JournalCommand.AdvanceLogStart.class);
        assertEquals(2, advance.logStartOffset());
        assertFalse(advance.active(), "the active segment is retention's");
        assertAnswers("x:2");
        assertEquals(2, local.leader(PARTITION.topicId(), 0).view().logStartOffset());
        replica.tell(new Replica.Append(TestBatches.batch(1), (short) 1, -1, 100, false, new Replica.AppendReply() {
            @Override
            public void appended(long base, long last, long timeMs, long logStartOffset, int leaderEpoch) {
                answers.add("start " + logStartOffset);
            }

            @Override
            public void refused(Refusal refusal, long logStartOffset) {
                answers.add("refused");
            }
        }));
        assertAnswers("start 2");
        delete("below", 1);
        delete("all", -1);
        delete("beyond", 5);
        delete("negative", -2);
        // Refusals are at once, a deletion when it is durable.
        Set<String> got = new HashSet<>();
        for (int i = 0; i < 4; i++) {
            got.add(answers.poll(30, TimeUnit.SECONDS));
        }
        assertEquals(Set.of("below:2", "beyond!OFFSET_OUT_OF_RANGE", "negative!OFFSET_OUT_OF_RANGE", "all:4"), got);
    }

    @Test
    void recordsOfACompactedTopicAreNotDeleted() throws Exception {
        replica.tell(new Assigned(
                PARTITION, image(3, 3), TestBatches.config(-1, -1, "compact"), BROKER_EPOCH, settled.ref()));
        settled.receiveMessage();
        delete("x", 0);
        assertAnswers("x!POLICY_VIOLATION");
        replica.tell(new Assigned(
                PARTITION, image(3, 4), TestBatches.config(-1, -1, "compact", "delete"), BROKER_EPOCH, settled.ref()));
        delete("y", 0);
        assertAnswers("y:0");
    }

    @Test
    void aDeletionThatWaitsIsAnsweredWhenItsLeaderResigns() throws Exception {
        delete("follower", 0);
        assertAnswers("follower!NOT_LEADER_OR_FOLLOWER");
        elect(3);
        append("a", 1);
        assertAnswers("a@0");
        journal.refuseAdvance = Errors.KAFKA_STORAGE_ERROR;
        delete("failed", 1);
        assertAnswers("failed!KAFKA_STORAGE_ERROR");
        journal.next(JournalCommand.AdvanceLogStart.class);
        journal.holdAdvance = true;
        delete("waits", 1);
        JournalCommand.AdvanceLogStart late = journal.next(JournalCommand.AdvanceLogStart.class);
        elect(4);
        assertAnswers("waits!NOT_LEADER_OR_FOLLOWER");
        late.replyTo().tell(new JournalCommand.LogStartAdvanced(1, java.util.Optional.empty()));
        append("b", 1);
        assertAnswers("b@1");
        assertEquals(1, local.leader(PARTITION.topicId(), 0).view().logStartOffset());
    }

    @Test
    void retentionIsAppliedWithTheNewestConfig() throws Exception {
        elect(3);
        append("a", 1);
        assertAnswers("a@0");
        journal.segments = List.of(new SegmentInfo(0, 1, 100, 1_000));
        replica.tell(new ReplicaActor.ApplyRetention(2_000));
        replica.tell(new Assigned(
                PARTITION, image(3, 4), TestBatches.config(500, -1, "delete"), BROKER_EPOCH, settled.ref()));
        replica.tell(new ReplicaActor.ApplyRetention(1_500));
        replica.tell(new ReplicaActor.ApplyRetention(2_000));
        JournalCommand.AdvanceLogStart advance = journal.next(JournalCommand.AdvanceLogStart.class);
        assertEquals(1, advance.logStartOffset());
        assertTrue(advance.active());
        delete("x", 1);
        assertAnswers("x:1");
        assertTrue(journal.commands.stream()
                .noneMatch(c -> c instanceof JournalCommand.AdvanceLogStart another && another.active()));
    }

    private void delete(String name, long offset) {
        replica.tell(new Replica.DeleteRecords(offset, new Replica.DeleteReply() {
            @Override
            public void deleted(long logStartOffset) {
                answers.add(name + ":" + logStartOffset);
            }

            @Override
            public void refused(Refusal refusal) {
                answers.add(name + "!" + refusal.error());
            }
        }));
    }

    private static BrokerImage broker(int id) {
        return new BrokerImage(id, -1, List.of(), Optional.empty(), true, false);
    }

    private void settledLeader() {
        assertNotNull(local.leader(PARTITION.topicId(), 0));
    }

    private void elect(int leaderEpoch) {
        assign(image(leaderEpoch, leaderEpoch));
        Settled told = settled.receiveMessage();
        assertEquals(leaderEpoch, told.leaderEpoch());
    }

    private void assign(PartitionImage image) {
        replica.tell(new Assigned(PARTITION, image, TestBatches.config(1), BROKER_EPOCH, settled.ref()));
    }

    private static PartitionImage image(int leaderEpoch, int partitionEpoch) {
        return new PartitionImage(0, List.of(1), 1, leaderEpoch, partitionEpoch, List.of(1), List.of(), List.of());
    }

    private void append(String name, int acks) {
        append(name, acks, 30_000);
    }

    private void append(String name, int acks, int timeoutMs) {
        replica.tell(
                new Replica.Append(TestBatches.batch(1), (short) acks, -1, timeoutMs, false, new Replica.AppendReply() {
                    @Override
                    public void appended(long base, long last, long timeMs, long logStartOffset, int leaderEpoch) {
                        answers.add(name + "@" + base);
                    }

                    @Override
                    public void refused(Refusal refusal, long logStartOffset) {
                        answers.add(name + "!" + refusal.error());
                    }
                }));
    }

    private void assertAnswers(String... expected) throws InterruptedException {
        for (String answer : expected) {
            assertEquals(answer, answers.poll(30, TimeUnit.SECONDS));
        }
    }
}
