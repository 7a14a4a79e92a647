package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.config.GroupConfig;
import io.troupe.group.ClassicGroup.State;
import io.troupe.group.GroupService.Caller;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData.SyncGroupRequestAssignment;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;

/** Drives one ClassicGroup by hand: time, requests, and when appends are decided. */
final class GroupFixture extends CoreFixture<ClassicGroup> {
    static GroupConfig config(int initialDelayMs, int maxSize) {
        return config(initialDelayMs, maxSize, ConsumerGroupConfig.DEFAULTS);
    }

    static GroupConfig config(int initialDelayMs, int maxSize, ConsumerGroupConfig consumer) {
        return new GroupConfig(
                50,
                (short) 1,
                1 << 20,
                4096,
                7L * 24 * 3600 * 1000,
                6000,
                1_800_000,
                initialDelayMs,
                4000,
                maxSize,
                consumer);
    }

    /** A request's answer, once it is there. */
    static final class Asked<T> implements Reply<T> {
        private final AtomicReference<T> response = new AtomicReference<>();
        int answers;

        @Override
        public void answer(T r) {
            answers++;
            response.compareAndSet(null, r);
        }

        boolean parked() {
            return response.get() == null;
        }

        T now() {
            if (parked()) {
                throw new AssertionError("not answered yet");
            }
            return response.get();
        }
    }

    short version = 9;
    String protocolType = "consumer";
    String protocol = "range";
    int sessionTimeoutMs = 10_000;
    int rebalanceTimeoutMs = 60_000;
    private int ids;

    GroupFixture(int initialDelayMs) {
        this(config(initialDelayMs, Integer.MAX_VALUE));
    }

    GroupFixture(GroupConfig config) {
        group = new ClassicGroup(CommittedGroup.empty(ID), config, prefix -> prefix + "-" + ids++, nowMs);
    }

    /** A coordinator elsewhere takes over with what is in the log. */
    void failOver(GroupConfig config) {
        CommittedGroup read = CommittedGroup.empty(ID).with(log);
        appends.clear();
        group = new ClassicGroup(read, config, prefix -> prefix + "-" + ids++, nowMs);
        group.noteLoaded("has a new coordinator, and ", nowMs);
    }

    Caller caller() {
        return new Caller("c", "/127.0.0.1", version);
    }

    Asked<JoinGroupResponseData> join(String memberId, String instance, String metadata, String... protocols) {
        return join(memberId, instance, metadata.getBytes(), protocols);
    }

    Asked<JoinGroupResponseData> join(String memberId, String instance, byte[] metadata, String... protocols) {
        JoinGroupRequestData data = new JoinGroupRequestData()
                .setGroupId(ID)
                .setMemberId(memberId)
                .setGroupInstanceId(instance)
                .setSessionTimeoutMs(sessionTimeoutMs)
                .setRebalanceTimeoutMs(rebalanceTimeoutMs)
                .setProtocolType(protocolType);
        for (String p : protocols) {
            data.protocols().add(new JoinGroupRequestProtocol().setName(p).setMetadata(metadata));
        }
        return ask(r -> new GroupRequest.Join(caller(), data, r));
    }

    Asked<JoinGroupResponseData> join(String memberId) {
        return join(memberId, null, "m", protocol);
    }

    /** Gets an id first, as v4+ clients must. */
    Asked<JoinGroupResponseData> joinNew() {
        return join(newId());
    }

    String newId() {
        JoinGroupResponseData needed = join("").now();
        if (needed.errorCode() != Errors.MEMBER_ID_REQUIRED.code()) {
            throw new AssertionError(needed);
        }
        return needed.memberId();
    }

    Asked<SyncGroupResponseData> sync(String memberId, int generation, Map<String, String> assignments) {
        Map<String, byte[]> bytes = new HashMap<>();
        assignments.forEach((id, a) -> bytes.put(id, a.getBytes()));
        return syncBytes(memberId, generation, bytes);
    }

    Asked<SyncGroupResponseData> syncBytes(String memberId, int generation, Map<String, byte[]> assignments) {
        SyncGroupRequestData data = syncData(memberId, generation, assignments);
        return ask(r -> new GroupRequest.Sync(caller(), data, AnswerHold.never(), r));
    }

    /** By a connection that can wait. */
    Late<SyncGroupResponseData> lateSync(String memberId, int generation, Map<String, byte[]> assignments) {
        Late<SyncGroupResponseData> sync = new Late<>(new Asked<>());
        SyncGroupRequestData data = syncData(memberId, generation, assignments);
        run(group.handle(new GroupRequest.Sync(caller(), data, sync, sync.answer), nowMs));
        return sync;
    }

    private SyncGroupRequestData syncData(String memberId, int generation, Map<String, byte[]> assignments) {
        SyncGroupRequestData data = new SyncGroupRequestData()
                .setGroupId(ID)
                .setMemberId(memberId)
                .setGenerationId(generation)
                .setProtocolType(protocolType)
                .setProtocolName(protocol);
        assignments.forEach((id, a) -> data.assignments()
                .add(new SyncGroupRequestAssignment().setMemberId(id).setAssignment(a)));
        return data;
    }

    Errors heartbeat(String memberId, int generation) {
        HeartbeatRequestData data =
                new HeartbeatRequestData().setGroupId(ID).setMemberId(memberId).setGenerationId(generation);
        return Errors.forCode(
                this.<HeartbeatResponseData>ask(r -> new GroupRequest.Heartbeat(data, AnswerHold.never(), r))
                        .now()
                        .errorCode());
    }

    /** By a connection that can wait. */
    HeldBeat beat(String memberId, int generation) {
        HeldBeat beat = new HeldBeat();
        HeartbeatRequestData data =
                new HeartbeatRequestData().setGroupId(ID).setMemberId(memberId).setGenerationId(generation);
        run(group.handle(new GroupRequest.Heartbeat(data, beat, beat.answer), nowMs));
        return beat;
    }

    LeaveGroupResponseData leave(LeaveGroupRequestData data) {
        return this.<LeaveGroupResponseData>ask(r -> new GroupRequest.Leave(caller(), data.setGroupId(ID), r))
                .now();
    }

    LeaveGroupResponseData leave(String memberId, String instance) {
        return leave(new LeaveGroupRequestData()
                .setMembers(List.of(new LeaveGroupRequestData.MemberIdentity()
                        .setMemberId(memberId)
                        .setGroupInstanceId(instance))));
    }

    Asked<OffsetCommitResponseData> commit(
            String memberId, int generation, String topic, int partition, long offset, String metadata) {
        OffsetCommitRequestData data = new OffsetCommitRequestData()
                .setGroupId(ID)
                .setMemberId(memberId)
                .setGenerationIdOrMemberEpoch(generation);
        data.topics()
                .add(new OffsetCommitRequestTopic()
                        .setName(topic)
                        .setPartitions(List.of(new OffsetCommitRequestPartition()
                                .setPartitionIndex(partition)
                                .setCommittedOffset(offset)
                                .setCommittedMetadata(metadata))));
        return ask(r -> new GroupRequest.CommitOffsets((short) 10, data, r));
    }

    Errors commit(String memberId, int generation, long offset) {
        return Errors.forCode(commit(memberId, generation, "t", 0, offset, "meta")
                .now()
                .topics()
                .get(0)
                .partitions()
                .get(0)
                .errorCode());
    }

    long committed(String topic, int partition) {
        CommittedOffset offset = group.committed().offset(topic, partition);
        return offset == null ? -1 : offset.offset();
    }

    /** One member in Stable; generation 1. */
    String stableAlone() {
        JoinGroupResponseData joined = joinNew().now();
        sync(joined.memberId(), joined.generationId(), Map.of(joined.memberId(), "all"))
                .now();
        assertEquals(State.STABLE, group.state());
        return joined.memberId();
    }

    /** Two members in Stable, the first leads; generation 2. */
    String[] stablePair() {
        String a = stableAlone();
        Asked<JoinGroupResponseData> b = joinNew();
        Asked<JoinGroupResponseData> again = join(a);
        int generation = again.now().generationId();
        String bId = b.now().memberId();
        sync(a, generation, Map.of(a, "pa", bId, "pb"));
        sync(bId, generation, Map.of());
        assertEquals(State.STABLE, group.state());
        return new String[] {a, bId};
    }

    static Errors error(Asked<JoinGroupResponseData> join) {
        return Errors.forCode(join.now().errorCode());
    }
}
