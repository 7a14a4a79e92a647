import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData.TopicPartitions;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.ConsumerGroupHeartbeatRequest;
import org.apache.kafka.common.requests.ConsumerGroupHeartbeatResponse;

/**
 * One group of the consumer protocol (KIP-848) that many members join at once, on a connection each; each takes what it is given and gives up what it is asked
 * to at once, and beats when it is told to.
 *
 * <p>Usage: GroupMembers bootstrap topic partitions members pid. Prints {@code settled_ms heartbeats cpu_ms}: from the first request until everybody is in the
 * same epoch and every partition is owned once, the requests until then, and CPU time of that process, the broker, meanwhile.
 */
public final class GroupMembers {
    private static final Duration LIMIT = Duration.ofMinutes(3);

    private final Wire wire;
    private final String group = "bench-members-" + Uuid.randomUuid();
    private final String topic;
    private final List<Member> members = new ArrayList<>();
    private int heartbeats;
    private boolean ending;
    private int gone;

    private GroupMembers(Wire wire, String topic) {
        this.wire = wire;
        this.topic = topic;
    }

    public static void main(String[] args) throws Exception {
        int partitions = Integer.parseInt(args[2]);
        int members = Integer.parseInt(args[3]);
        ProcessHandle broker = ProcessHandle.of(Long.parseLong(args[4])).orElseThrow();
        try (Wire wire = new Wire(args[0])) {
            GroupMembers load = new GroupMembers(wire, args[1]);
            wire.awaitCoordinator(load.group, LIMIT);
            for (int i = 0; i < members; i++) {
                load.members.add(load.new Member());
            }
            Duration cpuBefore = broker.info().totalCpuDuration().orElseThrow();
            long begunNs = System.nanoTime();
            load.members.forEach(Member::beat);
            wire.run("settling", LIMIT, () -> load.settled(partitions));
            long tookNs = System.nanoTime() - begunNs;
            Duration cpu = broker.info().totalCpuDuration().orElseThrow().minus(cpuBefore);
            load.ending = true;
            wire.run("leaving", LIMIT, () -> load.gone == members);
            System.out.println(tookNs / 1_000_000 + " " + load.heartbeats + " " + cpu.toMillis());
        }
    }

    private boolean settled(int partitions) {
        int epoch = members.get(0).epoch;
        int owned = 0;
        for (Member member : members) {
            if (member.epoch == 0 || member.epoch != epoch || !member.owned.equals(member.told)) {
                return false;
            }
            owned += member.owned.size();
        }
        Set<TopicIdPartition> all = new HashSet<>();
        members.forEach(member -> all.addAll(member.owned));
        return owned == partitions && all.size() == partitions;
    }

    private final class Member {
        final Wire.Connection connection;
        final String id = Uuid.randomUuid().toString();
        int epoch;
        Set<TopicIdPartition> owned = Set.of();
        /** As the broker knows it; null when that is not sure. */
        Set<TopicIdPartition> told = Set.of();

        Member() throws IOException {
            connection = wire.open();
        }

        void beat() {
            if (ending) {
                var leave = new ConsumerGroupHeartbeatRequestData().setGroupId(group).setMemberId(id).setMemberEpoch(-1);
                connection.send(new ConsumerGroupHeartbeatRequest.Builder(leave), 1, ConsumerGroupHeartbeatResponse.class, response -> gone++);
                return;
            }
            heartbeats++;
            var data = new ConsumerGroupHeartbeatRequestData().setGroupId(group).setMemberId(id).setMemberEpoch(epoch);
            if (epoch == 0) {
                data.setRebalanceTimeoutMs(60_000).setSubscribedTopicNames(List.of(topic)).setTopicPartitions(List.of());
            } else if (!owned.equals(told)) {
                data.setTopicPartitions(partitions());
            }
            told = owned;
            connection.send(new ConsumerGroupHeartbeatRequest.Builder(data), 1, ConsumerGroupHeartbeatResponse.class, response -> hear(response.data()));
        }

        private void hear(ConsumerGroupHeartbeatResponseData response) {
            Errors error = Errors.forCode(response.errorCode());
            if (error != Errors.NONE) {
                if (!Wire.passes(error)) {
                    throw new IllegalStateException(id + " was answered " + error + ": " + response.errorMessage());
                }
                told = null;
                wire.after(Duration.ofMillis(200), this::beat);
                return;
            }
            epoch = response.memberEpoch();
            if (response.assignment() != null) {
                Set<TopicIdPartition> assigned = new HashSet<>();
                response.assignment()
                        .topicPartitions()
                        .forEach(t -> t.partitions().forEach(p -> assigned.add(new TopicIdPartition(t.topicId(), new TopicPartition(topic, p)))));
                owned = assigned;
            }
            wire.after(owned.equals(told) ? Duration.ofMillis(response.heartbeatIntervalMs()) : Duration.ZERO, this::beat);
        }

        private List<TopicPartitions> partitions() {
            if (owned.isEmpty()) {
                return List.of();
            }
            var mine = new TopicPartitions().setTopicId(owned.iterator().next().topicId()).setPartitions(new ArrayList<>());
            owned.forEach(partition -> mine.partitions().add(partition.partition()));
            return List.of(mine);
        }
    }
}
