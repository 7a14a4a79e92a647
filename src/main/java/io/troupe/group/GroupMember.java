package io.troupe.group;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;

/** One member of a classic group; owned by its {@link ClassicGroup}. */
final class GroupMember {
    static final byte[] NOTHING = new byte[0];

    /** A protocol (assignor) that a member supports, and what it says to the leader by it. */
    record Protocol(String name, byte[] metadata) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Protocol p && name.equals(p.name) && Arrays.equals(metadata, p.metadata);
        }

        @Override
        public int hashCode() {
            return 31 * name.hashCode() + Arrays.hashCode(metadata);
        }
    }

    /** A request that has an answer which may wait, in case that there is something else to say. */
    record Held(GroupRequest request, AnswerHold<?> hold) {}

    /** Null for a dynamic member. */
    final String groupInstanceId;

    String memberId;
    String clientId;
    String clientHost;
    int rebalanceTimeoutMs;
    int sessionTimeoutMs;
    /** In the member's order of preference. */
    List<Protocol> protocols;

    byte[] assignment = NOTHING;
    /** The parked join; null when none waits. */
    GroupRequest.Join join;
    /** The parked sync; null when none waits. */
    GroupRequest.Sync sync;
    /** A request whose answer may still wait; null for none. */
    Held held;

    final HeartbeatPace pace = new HeartbeatPace();
    /** Has not been part of a generation yet. */
    boolean isNew;
    /** Asked for its assignment in this generation. */
    boolean synced;
    /** When its session ends. */
    long deadlineMs;

    GroupMember(String memberId, String groupInstanceId) {
        this.memberId = memberId;
        this.groupInstanceId = groupInstanceId;
    }

    static GroupMember stored(GroupMetadata.Member stored, String protocol) {
        GroupMember member = new GroupMember(stored.memberId(), stored.groupInstanceId());
        member.clientId = stored.clientId();
        member.clientHost = stored.clientHost();
        member.rebalanceTimeoutMs = stored.rebalanceTimeoutMs();
        member.sessionTimeoutMs = stored.sessionTimeoutMs();
        member.protocols = protocol == null ? List.of() : List.of(new Protocol(protocol, stored.subscription()));
        member.assignment = stored.assignment();
        member.synced = true;
        return member;
    }

    /** Takes over what a join says of its sender. */
    void update(GroupRequest.Join request) {
        clientId = request.caller().clientId();
        clientHost = request.caller().clientHost();
        sessionTimeoutMs = request.data().sessionTimeoutMs();
        // v0 knows no rebalance time-out: the session's stands for both.
        rebalanceTimeoutMs = request.data().rebalanceTimeoutMs() < 0
                ? sessionTimeoutMs
                : request.data().rebalanceTimeoutMs();
        protocols = protocolsOf(request);
    }

    static List<Protocol> protocolsOf(GroupRequest.Join request) {
        List<Protocol> protocols = new ArrayList<>();
        for (JoinGroupRequestProtocol p : request.data().protocols()) {
            protocols.add(new Protocol(p.name(), p.metadata()));
        }
        return protocols;
    }

    static long sizeInBytes(GroupRequest.Join request) {
        long size = 0;
        for (JoinGroupRequestProtocol p : request.data().protocols()) {
            size += p.name().length() + p.metadata().length;
        }
        return size;
    }

    /** Whether a join says the same as the last one did. */
    boolean matches(GroupRequest.Join request) {
        return protocolsOf(request).equals(protocols);
    }

    /** What it says by a protocol; nothing when it does not support that. */
    byte[] metadata(String protocol) {
        for (Protocol p : protocols) {
            if (p.name().equals(protocol)) {
                return p.metadata();
            }
        }
        return NOTHING;
    }

    GroupMetadata.Member toStore(String protocol, byte[] withAssignment) {
        return new GroupMetadata.Member(
                memberId,
                groupInstanceId,
                clientId,
                clientHost,
                rebalanceTimeoutMs,
                sessionTimeoutMs,
                metadata(protocol),
                withAssignment);
    }
}
