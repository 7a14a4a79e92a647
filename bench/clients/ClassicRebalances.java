import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocolCollection;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData.MemberIdentity;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData.SyncGroupRequestAssignment;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.JoinGroupRequest;
import org.apache.kafka.common.requests.JoinGroupResponse;
import org.apache.kafka.common.requests.LeaveGroupRequest;
import org.apache.kafka.common.requests.LeaveGroupResponse;
import org.apache.kafka.common.requests.SyncGroupRequest;
import org.apache.kafka.common.requests.SyncGroupResponse;

/**
 * A classic group whose members all join again at once, many times, without a client's own waiting.
 *
 * <p>Usage: ClassicRebalances bootstrap members rebalances. Prints {@code avg_us p50_us p99_us}: from the first JoinGroup of a rebalance until every member has
 * its assignment. The first rebalances, a tenth of them, are not counted.
 */
public final class ClassicRebalances {
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final byte[] ASSIGNMENT = new byte[64];

    private final Wire wire;
    private final String group = "bench-classic-" + UUID.randomUUID();
    private final List<Member> members = new ArrayList<>();
    private int stable;

    private ClassicRebalances(Wire wire) {
        this.wire = wire;
    }

    public static void main(String[] args) throws Exception {
        int count = Integer.parseInt(args[1]);
        int rebalances = Integer.parseInt(args[2]);
        try (Wire wire = new Wire(args[0])) {
            ClassicRebalances load = new ClassicRebalances(wire);
            wire.awaitCoordinator(load.group, LIMIT);
            for (int i = 0; i < count; i++) {
                load.members.add(load.new Member());
            }
            for (Member member : load.members) {
                load.admit(member);
            }
            int warmUp = rebalances / 10;
            long[] us = new long[rebalances];
            for (int i = -warmUp; i < rebalances; i++) {
                long tookUs = load.rebalance(load.members) / 1000;
                if (i >= 0) {
                    us[i] = tookUs;
                }
            }
            load.stable = 0;
            load.members.forEach(Member::leave);
            wire.run("leaving", LIMIT, () -> load.stable == count);
            Arrays.sort(us);
            System.out.printf("%.0f %d %d%n", Arrays.stream(us).average().orElseThrow(), us[us.length / 2], us[us.length * 99 / 100]);
        }
    }

    /** It joins first, and those that are in once it has begun a rebalance by that. */
    private void admit(Member member) throws Exception {
        List<Member> in = members.subList(0, members.indexOf(member));
        stable = 0;
        member.join();
        wire.after(Duration.ofMillis(300), () -> in.forEach(Member::join));
        wire.run("joining", LIMIT, () -> stable == in.size() + 1);
    }

    private long rebalance(List<Member> all) throws Exception {
        stable = 0;
        long begunNs = System.nanoTime();
        all.forEach(Member::join);
        wire.run("a rebalance", LIMIT, () -> stable == all.size());
        return System.nanoTime() - begunNs;
    }

    private final class Member {
        private final Wire.Connection connection;
        private String id = "";
        private int generation = -1;

        Member() throws IOException {
            connection = wire.open();
        }

        void join() {
            var protocols = new JoinGroupRequestProtocolCollection();
            protocols.add(new JoinGroupRequestProtocol().setName("range").setMetadata(ASSIGNMENT));
            var data = new JoinGroupRequestData()
                    .setGroupId(group)
                    .setMemberId(id)
                    .setProtocolType("consumer")
                    .setSessionTimeoutMs(30_000)
                    .setRebalanceTimeoutMs(30_000)
                    .setProtocols(protocols);
            connection.send(new JoinGroupRequest.Builder(data), 9, JoinGroupResponse.class, response -> joined(response.data()));
        }

        private void joined(JoinGroupResponseData response) {
            Errors error = Errors.forCode(response.errorCode());
            if (error == Errors.MEMBER_ID_REQUIRED) {
                id = response.memberId();
                join();
                return;
            }
            check("JoinGroup", error);
            if (response.generationId() == generation) {
                // The leader, by whose joining the rebalance begins, has not been heard yet.
                wire.after(Duration.ofMillis(1), this::join);
                return;
            }
            generation = response.generationId();
            var data = new SyncGroupRequestData()
                    .setGroupId(group)
                    .setMemberId(id)
                    .setGenerationId(response.generationId())
                    .setProtocolType("consumer")
                    .setProtocolName("range");
            if (response.leader().equals(id)) {
                response.members()
                        .forEach(m -> data.assignments().add(new SyncGroupRequestAssignment().setMemberId(m.memberId()).setAssignment(ASSIGNMENT)));
            }
            connection.send(new SyncGroupRequest.Builder(data), 5, SyncGroupResponse.class, synced -> synced(Errors.forCode(synced.data().errorCode())));
        }

        private void synced(Errors error) {
            if (error == Errors.REBALANCE_IN_PROGRESS) {
                join();
                return;
            }
            check("SyncGroup", error);
            stable++;
        }

        void leave() {
            connection.send(
                    new LeaveGroupRequest.Builder(group, List.of(new MemberIdentity().setMemberId(id))), 5, LeaveGroupResponse.class, response -> stable++);
        }

        private void check(String what, Errors error) {
            if (error != Errors.NONE) {
                throw new IllegalStateException(what + " of " + id + " was answered " + error);
            }
        }
    }
}
