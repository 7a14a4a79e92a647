package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.http.InstanceAction.Place;
import io.troupe.http.InstanceAction.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData.Assignment;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData.TopicPartitions;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

class ConsumerInstanceTest implements ConsumerInstance.Work, ConsumerInstance.KnownTopics {
    private static final InstanceId ID = new InstanceId("g", "i");
    private static final TopicPartition P0 = new TopicPartition("t", 0);
    private static final TopicPartition P1 = new TopicPartition("t", 1);
    private static final long TIMEOUT_MS = 300_000;

    private final List<InstanceDefinition> stores = new ArrayList<>();
    private final List<ConsumerGroupHeartbeatRequestData> heartbeats = new ArrayList<>();
    private final List<List<Place>> commits = new ArrayList<>();
    private final List<Map<TopicIdPartition, Long>> lookUps = new ArrayList<>();
    private final List<InstanceReply> replies = new ArrayList<>();
    /** The one that has the name t; null for none. */
    private Uuid topic = Uuid.randomUuid();

    private long membership;
    private long lookUp;
    private long commit;
    private int commitEpoch;
    private boolean stopped;
    private long nowMs = 1_000_000;
    private ConsumerInstance instance = instance(null);

    private ConsumerInstance instance(InstanceDefinition stored) {
        return new ConsumerInstance(ID, stored, TIMEOUT_MS, this, this, nowMs);
    }

    @Override
    public String name(Uuid id) {
        return id.equals(topic) ? "t" : null;
    }

    @Override
    public Uuid id(String name) {
        return topic;
    }

    /** As in a request. */
    private static Place named(TopicPartition partition, long offset) {
        return new Place(new TopicIdPartition(Uuid.ZERO_UUID, partition), offset, "");
    }

    private Place place(TopicPartition partition, long offset) {
        return new Place(of(partition), offset, "");
    }

    @Override
    public void store(InstanceDefinition definition) {
        stores.add(definition);
    }

    @Override
    public void heartbeat(long number, ConsumerGroupHeartbeatRequestData request) {
        membership = number;
        heartbeats.add(request);
    }

    @Override
    public void commit(long number, int memberEpoch, List<Place> offsets) {
        commit = number;
        commitEpoch = memberEpoch;
        commits.add(offsets);
    }

    @Override
    public void locate(long number, Map<TopicIdPartition, Long> where) {
        lookUp = number;
        lookUps.add(where);
    }

    @Override
    public void stop() {
        stopped = true;
    }

    private static <T> T last(List<T> list) {
        return list.get(list.size() - 1);
    }

    private InstanceDefinition definition(String memberId, boolean autoCommit) {
        return new InstanceDefinition(
                ID,
                memberId,
                RecordFormat.JSON,
                InstanceDefinition.Reset.EARLIEST,
                autoCommit,
                1,
                1000,
                null,
                null,
                null);
    }

    private void ask(InstanceAction action) {
        instance.on(action, replies::add, nowMs);
    }

    private InstanceReply answer(InstanceAction action) {
        int before = replies.size();
        ask(action);
        assertEquals(before + 1, replies.size(), "answered at once");
        return last(replies);
    }

    private void refused(int code, InstanceReply reply) {
        assertEquals(code, assertInstanceOf(InstanceReply.Refused.class, reply).errorCode());
    }

    private void stored() {
        instance.stored(null, nowMs);
    }

    private void created(boolean autoCommit) {
        ask(new InstanceAction.Create(definition("m", autoCommit)));
        stored();
        assertEquals(new InstanceReply.Done(), last(replies));
    }

    private void subscribed(boolean autoCommit) {
        created(autoCommit);
        ask(new InstanceAction.Subscribe(List.of("t"), null));
        stored();
    }

    private void assigned(int epoch, Integer... partitions) {
        Assignment assignment = new Assignment()
                .setTopicPartitions(
                        List.of(new TopicPartitions().setTopicId(topic).setPartitions(List.of(partitions))));
        instance.heartbeatAnswered(
                membership,
                new ConsumerGroupHeartbeatResponseData()
                        .setMemberEpoch(epoch)
                        .setHeartbeatIntervalMs(500)
                        .setAssignment(assignment),
                nowMs);
    }

    private void located(long offset, TopicPartition... partitions) {
        instance.located(
                lookUp,
                Stream.of(partitions).collect(Collectors.toMap(p -> p, p -> offset)),
                Set.of(partitions),
                nowMs);
    }

    private void reading(boolean autoCommit) {
        subscribed(autoCommit);
        assigned(1, 0, 1);
        located(10, P0, P1);
    }

    private InstanceReply.Granted read(long lease) {
        return assertInstanceOf(InstanceReply.Granted.class, answer(new InstanceAction.Read(lease)));
    }

    private List<TopicPartition> take(long lease, TopicPartition partition, long from, long next) {
        InstanceReply reply = answer(new InstanceAction.Take(lease, List.of(new Step(of(partition), from, next))));
        return ((InstanceReply.Taken) reply).partitions();
    }

    @Test
    void oneThatIsNotThereIsToldAndStops() {
        refused(40403, answer(new InstanceAction.Read(1)));
        assertTrue(stopped);
    }

    @Test
    void oneOfTwoThatAreMadeAtOnceExistsAlready() {
        ask(new InstanceAction.Create(definition("m", true)));
        ask(new InstanceAction.Create(definition("other", true)));
        assertTrue(replies.isEmpty(), "nothing is said before it is stored");
        stored();
        assertEquals(new InstanceReply.Done(), replies.get(0));
        refused(40902, replies.get(1));
    }

    /** The answer to the first may be lost with its broker. */
    @Test
    void whoAsksAgainForWhatIsMadeHasIt() {
        created(true);
        assertEquals(new InstanceReply.Done(), answer(new InstanceAction.Create(definition("m", true))));
    }

    @Test
    void whatCannotBeStoredDoesNotExist() {
        ask(new InstanceAction.Create(definition("m", true)));
        instance.stored(HttpFailure.tryAgain("no"), nowMs);
        refused(50003, last(replies));
        assertTrue(stopped);
    }

    /** As by Kafka's consumer, which else would begin there by auto.offset.reset when the partition comes back. */
    @Test
    void whatIsAssignedNoMoreIsCommittedBefore() {
        created(true);
        ask(new InstanceAction.Assign(List.of(P0)));
        stored();
        located(10, P0);
        read(1);
        take(1, P0, 10, 12);
        ask(new InstanceAction.Leave(1, true));
        ask(new InstanceAction.Assign(List.of(P1)));
        assertEquals(List.of(place(P0, 12)), last(commits));
        instance.committed(commit, null, nowMs);
        stored();
        assertEquals(new InstanceReply.Done(), last(replies));
    }

    @Test
    void metadataOfACommitThatIsTooLongIsTheClientsFault() {
        assertEquals(
                HttpFailure.BAD_PAYLOAD,
                InstanceCommits.failure(Errors.OFFSET_METADATA_TOO_LARGE, P0).errorCode());
    }

    @Test
    void subscriptionsExcludeOneAnother() {
        subscribed(true);
        refused(40903, answer(new InstanceAction.Subscribe(null, "t.*")));
        refused(40903, answer(new InstanceAction.Assign(List.of(P0))));
        ask(new InstanceAction.Unsubscribe());
        stored();
        ask(new InstanceAction.Assign(List.of(P0)));
        stored();
        refused(40903, answer(new InstanceAction.Subscribe(List.of("t"), null)));
    }

    @Test
    void whoIsNotSubscribedCannotRead() {
        created(true);
        refused(40903, answer(new InstanceAction.Read(1)));
    }

    /** KIP-848: epoch 0 joins and says everything; what it has been given it then says it has. */
    @Test
    void itJoinsTakesWhatItIsGivenAndSaysSo() {
        subscribed(true);
        ConsumerGroupHeartbeatRequestData join = last(heartbeats);
        assertEquals(0, join.memberEpoch());
        assertEquals(List.of("t"), join.subscribedTopicNames());
        assertEquals(List.of(), join.topicPartitions());
        assigned(1, 0, 1);
        assertEquals(Map.of(of(P0), InstanceAction.BY_POLICY, of(P1), InstanceAction.BY_POLICY), last(lookUps));
        ConsumerGroupHeartbeatRequestData told = last(heartbeats);
        assertEquals(1, told.memberEpoch());
        assertNull(told.subscribedTopicNames());
        assertEquals(List.of(0, 1), told.topicPartitions().get(0).partitions());
        assertEquals(List.of(), read(7).places());
        located(10, P0, P1);
        assertEquals(List.of(place(P0, 10), place(P1, 10)), read(7).places());
    }

    /** A lost answer may have held an assignment. */
    @Test
    void afterALostAnswerItSaysEverythingAgain() {
        subscribed(true);
        assigned(1, 0);
        instance.heartbeatFailed(membership, nowMs);
        nowMs += 1000;
        instance.tick(nowMs);
        assertEquals(List.of("t"), last(heartbeats).subscribedTopicNames());
        assertEquals(List.of(0), last(heartbeats).topicPartitions().get(0).partitions());
    }

    @Test
    void whoIsFencedHasNothingAndJoinsAgain() {
        reading(true);
        read(7);
        instance.heartbeatAnswered(
                membership,
                new ConsumerGroupHeartbeatResponseData().setErrorCode(Errors.FENCED_MEMBER_EPOCH.code()),
                nowMs);
        assertEquals(List.of(), take(7, P0, 10, 12), "it may be another's by now");
        assertEquals(0, last(heartbeats).memberEpoch());
        assertEquals(List.of(), last(heartbeats).topicPartitions());
    }

    /** KIP-848: a partition is another's only when its owner has said that it gave it up, and then it is committed. */
    @Test
    void whatIsRevokedIsCommittedBeforeItIsGivenUp() {
        reading(true);
        read(7);
        take(7, P1, 10, 15);
        ask(new InstanceAction.Leave(7, true));
        read(8);
        instance.committed(commit, HttpFailure.tryAgain("no"), nowMs);
        take(8, P1, 15, 17);
        assigned(2, 0);
        assertEquals(List.of(place(P1, 15)), last(commits), "not what is still being sent");
        assertEquals(List.of(), take(8, P1, 17, 18), "no more of it is handed out");
        int before = heartbeats.size();
        instance.committed(commit, null, nowMs);
        assertEquals(before + 1, heartbeats.size());
        assertEquals(List.of(0), last(heartbeats).topicPartitions().get(0).partitions());
    }

    @Test
    void theNextReadCommitsWhatTheOneBeforeTook() {
        reading(true);
        read(7);
        take(7, P0, 10, 12);
        assertEquals(0, commits.size());
        read(7);
        assertEquals(0, commits.size(), "still the same request");
        ask(new InstanceAction.Leave(7, true));
        read(8);
        assertEquals(List.of(place(P0, 12)), last(commits));
        instance.committed(commit, null, nowMs);
        ask(new InstanceAction.Leave(8, true));
        read(9);
        assertEquals(1, commits.size(), "nothing new");
    }

    /** By who reads, or because the broker died that sent it. */
    @Test
    void whatAnAnswerTookThatWasBrokenOffIsReadAgain() {
        reading(true);
        read(7);
        take(7, P0, 10, 12);
        take(7, P0, 12, 14);
        ask(new InstanceAction.Leave(7, false));
        assertEquals(List.of(place(P0, 10), place(P1, 10)), read(8).places());
        take(8, P1, 10, 11);
        instance.readerGone();
        assertEquals(List.of(place(P0, 10), place(P1, 10)), read(9).places());
        assertEquals(0, commits.size());
    }

    /** Its broker may be gone without a word, or be back already as another of its address. */
    @Test
    void whatAReaderTookThatWasNotHeardOfAgainIsReadAgain() {
        reading(true);
        read(7);
        take(7, P0, 10, 12);
        nowMs += ConsumerInstance.LEASE_MS;
        assertEquals(List.of(place(P0, 10), place(P1, 10)), read(8).places());
        assertEquals(List.of(), commits);
        ask(new InstanceAction.Leave(7, true));
        assertEquals(List.of(P0), take(8, P0, 10, 12), "what comes too late changes nothing");
    }

    /** There is one that breaks off, and another that is told to go elsewhere meanwhile. */
    @Test
    void whoSeeksIsNotSetBackByAnAnswerThatIsBrokenOff() {
        reading(true);
        read(7);
        take(7, P0, 10, 12);
        answer(new InstanceAction.Seek(List.of(named(P0, 3))));
        ask(new InstanceAction.Leave(7, false));
        assertEquals(3, read(8).places().get(0).offset());
    }

    @Test
    void withoutAutoCommitNothingIsCommittedUnasked() {
        reading(false);
        read(7);
        take(7, P0, 10, 12);
        ask(new InstanceAction.Leave(7, true));
        read(8);
        assertEquals(0, commits.size());
        ask(new InstanceAction.Commit(null));
        assertEquals(List.of(place(P0, 12)), last(commits));
        assertEquals(1, commitEpoch);
        instance.committed(commit, null, nowMs);
        assertEquals(new InstanceReply.Done(), last(replies));
    }

    @Test
    void oneReadsAtATime() {
        reading(true);
        read(7);
        assertEquals(new InstanceReply.Busy(), answer(new InstanceAction.Read(8)));
        nowMs += ConsumerInstance.LEASE_MS;
        read(8);
        assertEquals(List.of(), take(7, P0, 10, 11), "it was away for too long");
        assertEquals(List.of(P0), take(8, P0, 10, 11));
    }

    /** The answer to the first may be lost with its broker. */
    @Test
    void whatIsTakenTwiceIsTakenOnce() {
        reading(true);
        read(7);
        assertEquals(List.of(P0), take(7, P0, 10, 12));
        assertEquals(List.of(P0), take(7, P0, 10, 12));
        assertEquals(12, read(7).places().get(0).offset());
    }

    @Test
    void whatWasReadBeforeASeekIsNotHandedOut() {
        reading(true);
        read(7);
        assertEquals(new InstanceReply.Done(), answer(new InstanceAction.Seek(List.of(place(P0, 3)))));
        assertEquals(List.of(), take(7, P0, 10, 12));
        assertEquals(3, read(7).places().get(0).offset());
    }

    /** Nobody tells an instance with partitions assigned by hand that another topic has the name now. */
    @Test
    void whatWasReadOfATopicSaysNothingOfTheNextOneOfItsName() {
        created(true);
        ask(new InstanceAction.Assign(List.of(P0)));
        stored();
        located(10, P0);
        read(1);
        take(1, P0, 10, 12);
        answer(new InstanceAction.Leave(1, true));
        TopicIdPartition old = of(P0);
        topic = Uuid.randomUuid();
        assertEquals(List.of(), read(2).places());
        assertEquals(0, commits.size(), "there is nobody who could know that of the old one");
        assertEquals(Map.of(of(P0), InstanceAction.BY_POLICY), last(lookUps));
        located(0, P0);
        assertEquals(List.of(place(P0, 0)), read(2).places());
        InstanceReply late = answer(new InstanceAction.Take(2, List.of(new Step(old, 0, 5))));
        assertEquals(new InstanceReply.Taken(List.of()), late, "read of the old one");
        answer(new InstanceAction.Lost(List.of(new Place(old, 0, ""))));
        assertEquals(List.of(place(P0, 0)), read(2).places(), "lost in the old one");
    }

    /** The group tells, some time after. What is committed until then is committed of the old topic, so it is refused. */
    @Test
    void whatIsCommittedNamesTheTopicThatWasRead() {
        reading(true);
        read(7);
        take(7, P0, 10, 12);
        ask(new InstanceAction.Leave(7, true));
        Place read = place(P0, 12);
        topic = Uuid.randomUuid();
        ask(new InstanceAction.Commit(List.of(named(P0, 12))));
        assertEquals(List.of(read), last(commits));
        HttpFailure gone = new HttpFailure(HttpFailure.UNKNOWN_TOPIC, "gone");
        instance.committed(commit, gone, nowMs);
        refused(40401, last(replies));
        ask(new InstanceAction.Commit(null));
        assertEquals(List.of(read), last(commits));
        instance.committed(commit, gone, nowMs);
        assertEquals(new InstanceReply.Done(), last(replies), "there is nothing to be kept");
        assigned(2);
        assertEquals(List.of(read), last(commits));
        instance.committed(commit, gone, nowMs);
        assigned(3, 0);
        assertEquals(Map.of(of(P0), InstanceAction.BY_POLICY), last(lookUps));
    }

    /** Of what is not read here, it is the topic that has the name. */
    @Test
    void aCommitOfWhatIsNotReadIsOfTheTopicOfThatName() {
        reading(false);
        TopicPartition other = new TopicPartition("t", 2);
        ask(new InstanceAction.Commit(List.of(named(other, 3))));
        assertEquals(List.of(place(other, 3)), last(commits));
    }

    @Test
    void aPlaceThatIsLostIsLeftByPolicyUnlessReadingIsElsewhere() {
        reading(true);
        answer(new InstanceAction.Lost(List.of(place(P0, 10), place(P1, 9))));
        assertEquals(Map.of(of(P0), InstanceAction.BEGINNING), last(lookUps));
        assertEquals(List.of(place(P1, 10)), read(7).places());
        located(4, P0);
        assertEquals(List.of(place(P0, 4), place(P1, 10)), read(7).places());
        TopicPartition another = new TopicPartition("t", 9);
        assertEquals(
                new InstanceReply.Done(),
                answer(new InstanceAction.Lost(List.of(place(another, 4)))),
                "a rebalance came before");
    }

    @Test
    void aSeekToTheEndIsAnsweredWhenItIsKnown() {
        reading(true);
        int before = replies.size();
        ask(new InstanceAction.Seek(List.of(place(P0, InstanceAction.END))));
        assertEquals(Map.of(of(P0), InstanceAction.END), last(lookUps));
        assertEquals(before, replies.size());
        located(99, P0);
        assertEquals(new InstanceReply.Done(), last(replies));
        assertEquals(99, read(7).places().get(0).offset());
        refused(40903, answer(new InstanceAction.Seek(List.of(place(new TopicPartition("t", 9), 0)))));
    }

    /** An instance whose broker died; nobody who only looks after the records makes it a member again. */
    @Test
    void itsNextLifeGoesOnAsTheSameMemberOnceItIsUsed() {
        instance = instance(definition("m", true).subscribed(List.of("t"), null));
        ask(new InstanceAction.Touch());
        assertEquals(0, heartbeats.size());
        read(7);
        assertEquals("m", last(heartbeats).memberId());
        assertEquals(0, last(heartbeats).memberEpoch());
    }

    /** The first of its next life; who commits need not know of that. */
    @Test
    void aCommitWaitsUntilTheInstanceIsAMember() {
        subscribed(false);
        int before = replies.size();
        ask(new InstanceAction.Commit(List.of(named(P0, 12))));
        ask(new InstanceAction.Commit(null));
        assertEquals(before, replies.size());
        assertEquals(0, commits.size());
        assigned(4, 0);
        assertEquals(4, commitEpoch);
        assertEquals(List.of(place(P0, 12)), last(commits));
        assertEquals(new InstanceReply.Done(), last(replies), "it has read nothing");
        instance.committed(commit, null, nowMs);
        assertEquals(before + 2, replies.size());
    }

    @Test
    void aCommitThatWaitsIsAnsweredWhenTheGroupDoesNotTakeTheInstanceOrItIsDeleted() {
        subscribed(false);
        ask(new InstanceAction.Commit(List.of(named(P0, 12))));
        ConsumerGroupHeartbeatResponseData refusal =
                new ConsumerGroupHeartbeatResponseData().setErrorCode(Errors.GROUP_MAX_SIZE_REACHED.code());
        instance.heartbeatAnswered(membership, refusal, nowMs);
        refused(40903, last(replies));
        instance = instance(definition("m", false).subscribed(List.of("t"), null));
        ask(new InstanceAction.Commit(List.of(named(P0, 12))));
        ask(new InstanceAction.Delete());
        replies.clear();
        stored();
        assertEquals(2, replies.size());
        refused(40403, last(replies));
    }

    @Test
    void whatNobodyUsesIsDeleted() {
        reading(true);
        read(7);
        take(7, P0, 10, 12);
        ask(new InstanceAction.Leave(7, true));
        nowMs += TIMEOUT_MS - 1;
        instance.tick(nowMs);
        assertEquals(0, commits.size());
        nowMs += 1;
        instance.tick(nowMs);
        instance.committed(commit, null, nowMs);
        assertNull(last(stores));
        stored();
        assertEquals(InstanceMembership.LEAVE, last(heartbeats).memberEpoch());
        assertTrue(stopped);
        assertFalse(instance.exists());
    }

    @Test
    void whatIsDeletedLeavesItsGroup() {
        reading(false);
        ask(new InstanceAction.Delete());
        stored();
        assertEquals(new InstanceReply.Done(), last(replies));
        assertEquals(InstanceMembership.LEAVE, last(heartbeats).memberEpoch());
        assertTrue(instance.hasEnded());
    }

    @Test
    void withoutAnOffsetAndAPolicyThereIsNowhereToRead() {
        subscribed(true);
        assigned(1, 0);
        located(InstancePositions.NOWHERE, P0);
        refused(40903, answer(new InstanceAction.Read(7)));
        answer(new InstanceAction.Seek(List.of(place(P0, 5))));
        assertEquals(List.of(place(P0, 5)), read(7).places());
    }

    @Test
    void changesThatWaitAreBounded() {
        ask(new InstanceAction.Create(definition("m", true)));
        for (int i = 0; i < ConsumerInstance.MOST_WAITING; i++) {
            ask(new InstanceAction.Create(definition("m", true)));
        }
        refused(50003, answer(new InstanceAction.Create(definition("m", true))));
    }

    /** Many long names are more than a message holds, so they are told in turn. */
    @Test
    void whatDoesNotFitOneMessageIsToldInTurn() {
        created(true);
        String name = "n".repeat(245);
        List<TopicPartition> all = IntStream.range(0, 5000)
                .mapToObj(i -> new TopicPartition(name + (1000 + i / 5), i % 5))
                .toList();
        ask(new InstanceAction.Assign(all));
        stored();
        instance.located(lookUp, all.stream().collect(Collectors.toMap(p -> p, p -> 7L)), Set.of(), nowMs);
        List<TopicPartition> read = new ArrayList<>();
        while (read.size() < all.size()) {
            List<Place> places = read(7).places();
            assertTrue(places.stream()
                            .mapToInt(place -> place.partition().topic().length())
                            .sum()
                    < InstancePositions.MOST_BYTES);
            places.forEach(place -> read.add(place.partition().topicPartition()));
        }
        assertEquals(all, read.subList(0, all.size()), "each has its turn");
        List<TopicPartition> told = new ArrayList<>();
        InstanceReply.Described part;
        do {
            TopicPartition after = told.isEmpty() ? null : last(told);
            part = assertInstanceOf(InstanceReply.Described.class, answer(new InstanceAction.Describe(after)));
            told.addAll(part.assignment());
        } while (part.more());
        assertEquals(all, told);
    }

    @Test
    void aDefinitionIsReadAsItWasWritten() {
        InstanceDefinition plain = definition("m", false);
        for (InstanceDefinition definition : List.of(
                plain,
                plain.subscribed(List.of("t", "u"), null),
                plain.subscribed(null, "t.*"),
                plain.assigned(List.of(P0, P1)))) {
            assertEquals(definition, InstanceDefinition.fromBytes(definition.toBytes()));
        }
        InstanceId odd = new InstanceId("1:2", "a/b ü");
        assertEquals(odd, InstanceId.ofEntity(odd.entityId()));
        assertEquals(odd, InstanceId.ofKey(odd.key()));
    }
}
