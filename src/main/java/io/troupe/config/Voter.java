package io.troupe.config;

/** One entry of {@code controller.quorum.voters}: a node id and the actor address at which its voter is reached. */
public record Voter(int nodeId, HostPort actorAddress) {
    /** As it is configured: {@code id@host:port}. */
    @Override
    public String toString() {
        return nodeId + "@" + actorAddress;
    }
}
