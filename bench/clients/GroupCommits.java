import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocolCollection;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData.SyncGroupRequestAssignment;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.HeartbeatRequest;
import org.apache.kafka.common.requests.HeartbeatResponse;
import org.apache.kafka.common.requests.JoinGroupRequest;
import org.apache.kafka.common.requests.JoinGroupResponse;
import org.apache.kafka.common.requests.LeaveGroupRequest;
import org.apache.kafka.common.requests.LeaveGroupResponse;
import org.apache.kafka.common.requests.OffsetCommitRequest;
import org.apache.kafka.common.requests.OffsetCommitResponse;
import org.apache.kafka.common.requests.SyncGroupRequest;
import org.apache.kafka.common.requests.SyncGroupResponse;

/**
 * Many classic groups of one member each, on a connection each, that commit one offset a second and beat every three; their seconds are spread evenly.
 *
 * <p>Usage: GroupCommits bootstrap topic groups seconds pid. Prints {@code count avg p50 p99 max cpu}: times in microseconds from when a commit was due until
 * it was acknowledged; CPU time of that process, the broker, for each commit, beats included, in microseconds. Fails when a commit is refused.
 */
public final class GroupCommits {
    private static final Duration LIMIT = Duration.ofMinutes(3);
    /** Joins under way at a time. */
    private static final int JOINING = 1000;

    private static final int BEAT_EVERY = 3;

    private final Wire wire;
    /** Begins the groups' names. */
    private final String run = "bench-" + Uuid.randomUuid();

    private final String topic;
    private final int groups;
    private final long[] tookNs;
    private int joined;
    private int started;
    private int counted;
    /** Commits that are due before are not counted. */
    private long beginNs = Long.MAX_VALUE;

    private long endNs = Long.MAX_VALUE;
    private int gone;

    private GroupCommits(Wire wire, String topic, int groups, int seconds) {
        this.wire = wire;
        this.topic = topic;
        this.groups = groups;
        this.tookNs = new long[groups * (seconds + 1)];
    }

    public static void main(String[] args) throws Exception {
        int groups = Integer.parseInt(args[2]);
        int seconds = Integer.parseInt(args[3]);
        ProcessHandle broker = ProcessHandle.of(Long.parseLong(args[4])).orElseThrow();
        try (Wire wire = new Wire(args[0])) {
            GroupCommits load = new GroupCommits(wire, args[1], groups, seconds);
            wire.awaitCoordinator(load.run + "-0", LIMIT);
            for (int i = 0; i < Math.min(JOINING, groups); i++) {
                load.next();
            }
            wire.run("joining", LIMIT, () -> load.joined == groups);
            long settledNs = System.nanoTime() + Duration.ofSeconds(3).toNanos();
            wire.run("settling", LIMIT, () -> System.nanoTime() - settledNs > 0);
            Duration cpuBefore = broker.info().totalCpuDuration().orElseThrow();
            load.beginNs = System.nanoTime();
            load.endNs = load.beginNs + Duration.ofSeconds(seconds).toNanos();
            wire.run("measuring", LIMIT, () -> System.nanoTime() - load.endNs > 0);
            Duration cpu = broker.info().totalCpuDuration().orElseThrow().minus(cpuBefore);
            wire.run("leaving", LIMIT, () -> load.gone == groups);
            System.out.printf("%s %.1f%n", Clients.told(Arrays.copyOf(load.tookNs, load.counted)), cpu.toNanos() / 1000.0 / load.counted);
        }
    }

    private void next() throws IOException {
        if (started < groups) {
            new Member(started++).join();
        }
    }

    private final class Member {
        final int number;
        final String group;
        final Wire.Connection connection;
        String id = "";
        int generation;
        long offset;
        int commits;
        long dueNs;

        Member(int number) throws IOException {
            this.number = number;
            this.group = run + "-" + number;
            this.connection = wire.open();
        }

        private void again(Errors error, Runnable what) {
            if (!Wire.passes(error)) {
                throw new IllegalStateException(group + " was answered " + error);
            }
            wire.after(Duration.ofMillis(200), what);
        }

        void join() {
            var protocols = new JoinGroupRequestProtocolCollection();
            protocols.add(new JoinGroupRequestProtocol().setName("range").setMetadata(new byte[0]));
            var data = new JoinGroupRequestData()
                    .setGroupId(group)
                    .setMemberId(id)
                    .setProtocolType("consumer")
                    .setSessionTimeoutMs(45_000)
                    .setRebalanceTimeoutMs(60_000)
                    .setProtocols(protocols);
            // The last version in which a member may join without an id.
            connection.send(new JoinGroupRequest.Builder(data), 3, JoinGroupResponse.class, response -> {
                if (response.error() != Errors.NONE) {
                    again(response.error(), this::join);
                    return;
                }
                id = response.data().memberId();
                generation = response.data().generationId();
                sync();
            });
        }

        void sync() {
            var data = new SyncGroupRequestData()
                    .setGroupId(group)
                    .setMemberId(id)
                    .setGenerationId(generation)
                    .setAssignments(List.of(new SyncGroupRequestAssignment().setMemberId(id).setAssignment(new byte[0])));
            connection.send(new SyncGroupRequest.Builder(data), 3, SyncGroupResponse.class, response -> {
                if (response.error() != Errors.NONE) {
                    again(response.error(), this::sync);
                    return;
                }
                joined++;
                dueNs = System.nanoTime() + number * 1_000_000_000L / groups;
                wire.at(dueNs, this::commit);
                try {
                    next();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }

        void commit() {
            if (dueNs - endNs > 0) {
                leave();
                return;
            }
            var partition = new OffsetCommitRequestPartition().setPartitionIndex(0).setCommittedOffset(++offset).setCommittedMetadata("");
            var data = new OffsetCommitRequestData()
                    .setGroupId(group)
                    .setMemberId(id)
                    .setGenerationIdOrMemberEpoch(generation)
                    .setTopics(List.of(new OffsetCommitRequestTopic().setName(topic).setPartitions(List.of(partition))));
            connection.send(OffsetCommitRequest.Builder.forTopicNames(data), 8, OffsetCommitResponse.class, response -> {
                Errors error = Errors.forCode(response.data().topics().get(0).partitions().get(0).errorCode());
                if (error != Errors.NONE) {
                    throw new IllegalStateException(group + " may not commit: " + error);
                }
                if (dueNs - beginNs >= 0 && dueNs - endNs < 0) {
                    tookNs[counted++] = System.nanoTime() - dueNs;
                }
                if (++commits % BEAT_EVERY == 0) {
                    beat();
                } else {
                    later();
                }
            });
        }

        void beat() {
            var data = new HeartbeatRequestData().setGroupId(group).setMemberId(id).setGenerationId(generation);
            connection.send(new HeartbeatRequest.Builder(data), 3, HeartbeatResponse.class, response -> {
                if (response.error() != Errors.NONE) {
                    throw new IllegalStateException(group + " may not go on: " + response.error());
                }
                later();
            });
        }

        private void leave() {
            var data = List.of(new LeaveGroupRequestData.MemberIdentity().setMemberId(id));
            connection.send(new LeaveGroupRequest.Builder(group, data), 3, LeaveGroupResponse.class, response -> gone++);
        }

        private void later() {
            dueNs += 1_000_000_000L;
            wire.at(dueNs, this::commit);
        }
    }
}
