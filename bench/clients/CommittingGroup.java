import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.FindCoordinatorResponseData.Coordinator;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocolCollection;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData.SyncGroupRequestAssignment;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.FindCoordinatorRequest;
import org.apache.kafka.common.requests.FindCoordinatorResponse;
import org.apache.kafka.common.requests.HeartbeatRequest;
import org.apache.kafka.common.requests.HeartbeatResponse;
import org.apache.kafka.common.requests.JoinGroupRequest;
import org.apache.kafka.common.requests.JoinGroupResponse;
import org.apache.kafka.common.requests.LeaveGroupRequest;
import org.apache.kafka.common.requests.LeaveGroupResponse;
import org.apache.kafka.common.requests.OffsetCommitRequest;
import org.apache.kafka.common.requests.OffsetCommitResponse;
import org.apache.kafka.common.requests.OffsetFetchRequest;
import org.apache.kafka.common.requests.OffsetFetchResponse;
import org.apache.kafka.common.requests.SyncGroupRequest;
import org.apache.kafka.common.requests.SyncGroupResponse;

/**
 * A classic group of one member that commits the next offset of one partition every second and beats every three. As a client does, it keeps one connection to
 * any broker, which it asks for its coordinator, and one to that; when it loses the coordinator it asks every 100 ms until it hears of one that takes its
 * connection, and sends again what was not answered. In the end it reads what is committed and leaves.
 */
final class CommittingGroup {
    /** What is done with the group's news. */
    interface Listener {
        void joined();

        /** One commit; {@link System#nanoTime} of when it was due. */
        void committed(CommittingGroup group, long dueNs);

        /** Not NONE, or null when the connection to the coordinator was lost. It will be tried again. */
        void refused(CommittingGroup group, Errors error);

        /** Whether to commit at that time. */
        boolean goesOn(long dueNs);

        void left();
    }

    private static final Duration RETRY = Duration.ofMillis(100);
    private static final int BEAT_EVERY = 3;

    private final Wire wire;
    final String name;
    private final String topic;
    private final Listener listener;
    /** Where in its second it commits. */
    private final long phaseNs;

    private int turn;
    private Wire.Connection asking;
    private boolean finding;
    private Wire.Connection connection;
    private int coordinator = -1;
    /** What goes on when there is a coordinator. */
    private Runnable step = this::join;
    /** When it goes on at the earliest. */
    private long dueNs = System.nanoTime();
    private String id = "";
    private int generation;
    private int joins;
    private int commits;
    private long committed;

    CommittingGroup(Wire wire, String name, String topic, int turn, long phaseNs, Listener listener) {
        this.wire = wire;
        this.name = name;
        this.topic = topic;
        this.turn = turn;
        this.phaseNs = phaseNs;
        this.listener = listener;
    }

    /** The node that coordinates it, as it last heard; -1 when it has heard of none. */
    int coordinator() {
        return coordinator;
    }

    /** How often it became a member. */
    int joins() {
        return joins;
    }

    void start() {
        finding = true;
        find();
    }

    private void findIn(Duration wait) {
        if (!finding) {
            finding = true;
            wire.after(wait, this::find);
        }
    }

    private void find() {
        try {
            if (asking == null) {
                asking = wire.open(wire.broker(turn++), this::askingBroke);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        var data = new FindCoordinatorRequestData().setKeyType((byte) 0).setCoordinatorKeys(List.of(name));
        asking.send(new FindCoordinatorRequest.Builder(data), 4, FindCoordinatorResponse.class, response -> {
            finding = false;
            Coordinator found = response.data().coordinators().get(0);
            Errors error = Errors.forCode(found.errorCode());
            if (error != Errors.NONE) {
                listener.refused(this, error);
                findIn(RETRY);
                return;
            }
            coordinator = found.nodeId();
            try {
                connection = wire.open(new InetSocketAddress(found.host(), found.port()), this::lost);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            later();
        });
    }

    private void askingBroke() {
        boolean asked = asking.busy();
        asking = null;
        if (asked) {
            finding = false;
            findIn(RETRY);
        }
    }

    private void lost() {
        connection = null;
        listener.refused(this, null);
        findIn(RETRY);
    }

    /** Goes on with the step when that is due, if the coordinator is not lost before. */
    private void later() {
        laterAt(dueNs);
    }

    private void laterAt(long ns) {
        Wire.Connection at = connection;
        wire.at(ns, () -> {
            if (connection == at) {
                step.run();
            }
        });
    }

    private void refused(Errors error) {
        listener.refused(this, error);
        switch (error) {
            case NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE -> {
                connection.close();
                connection = null;
                findIn(RETRY);
            }
            case COORDINATOR_LOAD_IN_PROGRESS, REQUEST_TIMED_OUT -> laterAt(System.nanoTime() + RETRY.toNanos());
            case UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS -> {
                if (error == Errors.UNKNOWN_MEMBER_ID) {
                    id = "";
                }
                join();
            }
            default -> throw new IllegalStateException(name + " was answered " + error);
        }
    }

    private void join() {
        step = this::join;
        var protocols = new JoinGroupRequestProtocolCollection();
        protocols.add(new JoinGroupRequestProtocol().setName("range").setMetadata(new byte[0]));
        var data = new JoinGroupRequestData()
                .setGroupId(name)
                .setMemberId(id)
                .setProtocolType("consumer")
                .setSessionTimeoutMs(45_000)
                .setRebalanceTimeoutMs(60_000)
                .setProtocols(protocols);
        // The last version in which a member may join without an id.
        connection.send(new JoinGroupRequest.Builder(data), 3, JoinGroupResponse.class, response -> {
            if (response.error() != Errors.NONE) {
                refused(response.error());
                return;
            }
            id = response.data().memberId();
            generation = response.data().generationId();
            sync();
        });
    }

    private void sync() {
        step = this::sync;
        var data = new SyncGroupRequestData()
                .setGroupId(name)
                .setMemberId(id)
                .setGenerationId(generation)
                .setAssignments(List.of(new SyncGroupRequestAssignment().setMemberId(id).setAssignment(new byte[0])));
        connection.send(new SyncGroupRequest.Builder(data), 3, SyncGroupResponse.class, response -> {
            if (response.error() != Errors.NONE) {
                refused(response.error());
                return;
            }
            step = this::commit;
            if (joins++ == 0) {
                dueNs = System.nanoTime() + phaseNs;
                listener.joined();
            }
            later();
        });
    }

    private void commit() {
        if (!listener.goesOn(dueNs)) {
            check();
            return;
        }
        var partition = new OffsetCommitRequestPartition().setPartitionIndex(0).setCommittedOffset(committed + 1).setCommittedMetadata("");
        var data = new OffsetCommitRequestData()
                .setGroupId(name)
                .setMemberId(id)
                .setGenerationIdOrMemberEpoch(generation)
                .setTopics(List.of(new OffsetCommitRequestTopic().setName(topic).setPartitions(List.of(partition))));
        connection.send(OffsetCommitRequest.Builder.forTopicNames(data), 8, OffsetCommitResponse.class, response -> {
            Errors error = Errors.forCode(response.data().topics().get(0).partitions().get(0).errorCode());
            if (error != Errors.NONE) {
                refused(error);
                return;
            }
            committed++;
            listener.committed(this, dueNs);
            // What it missed meanwhile it leaves out: it commits what it has read, and that is read already.
            do {
                dueNs += 1_000_000_000L;
            } while (dueNs - System.nanoTime() < 0);
            if (++commits % BEAT_EVERY == 0) {
                beat();
            } else {
                later();
            }
        });
    }

    private void beat() {
        step = this::beat;
        var data = new HeartbeatRequestData().setGroupId(name).setMemberId(id).setGenerationId(generation);
        connection.send(new HeartbeatRequest.Builder(data), 3, HeartbeatResponse.class, response -> {
            if (response.error() != Errors.NONE) {
                refused(response.error());
                return;
            }
            step = this::commit;
            later();
        });
    }

    private void check() {
        step = this::check;
        var topics = List.of(new OffsetFetchRequestTopics().setName(topic).setPartitionIndexes(List.of(0)));
        var data = new OffsetFetchRequestData().setGroups(List.of(new OffsetFetchRequestGroup().setGroupId(name).setTopics(topics)));
        connection.send(OffsetFetchRequest.Builder.forTopicNames(data, true), 8, OffsetFetchResponse.class, response -> {
            var group = response.data().groups().get(0);
            if (group.errorCode() != Errors.NONE.code()) {
                refused(Errors.forCode(group.errorCode()));
                return;
            }
            long read = group.topics().get(0).partitions().get(0).committedOffset();
            if (read < committed) {
                throw new IllegalStateException(name + " was told that " + committed + " is committed, and reads " + read);
            }
            leave();
        });
    }

    private void leave() {
        step = this::leave;
        var data = List.of(new LeaveGroupRequestData.MemberIdentity().setMemberId(id));
        connection.send(new LeaveGroupRequest.Builder(name, data), 3, LeaveGroupResponse.class, response -> listener.left());
    }
}
