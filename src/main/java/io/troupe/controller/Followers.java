package io.troupe.controller;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * The brokers that follow the committed metadata, and how far each has been told. Each is told every commit once; one that
 * missed something says so by {@link Controller.Follow}. Owned by the Controller.
 */
final class Followers {
    /** Further behind than this, a follower gets the image instead of the events. */
    static final int MAX_EVENTS_BEHIND = 1000;

    private static final class Follower {
        final int nodeId;
        final ActorRef<Publication> ref;
        final long cameMs = System.currentTimeMillis();
        long nextIndex;
        long heardMs;

        Follower(int nodeId, ActorRef<Publication> ref) {
            this.nodeId = nodeId;
            this.ref = ref;
        }
    }

    private final Map<ActorRef<Publication>, Follower> followers = new HashMap<>();

    /** @return whether the actor was not known as a follower */
    boolean follow(int nodeId, long appliedIndex, ActorRef<Publication> ref) {
        Follower known = followers.get(ref);
        boolean isNew = known == null;
        if (isNew) {
            known = new Follower(nodeId, ref);
            followers.put(ref, known);
        }
        known.nextIndex = appliedIndex + 1;
        known.heardMs = System.currentTimeMillis();
        return isNew;
    }

    /** How far each has been told, by node id, and when it was last heard from (wall clock). */
    Map<Integer, ControllerReply.QuorumReplica> positions() {
        Map<Integer, ControllerReply.QuorumReplica> positions = new TreeMap<>();
        followers.values().stream()
                .sorted(Comparator.comparingLong(f -> f.heardMs))
                .forEach(f -> positions.put(
                        f.nodeId,
                        new ControllerReply.QuorumReplica(
                                f.nodeId, Optional.empty(), f.nextIndex, f.heardMs, f.heardMs)));
        return positions;
    }

    /** Since when each node follows, by its id (wall clock). */
    Map<Integer, Long> cameMs() {
        Map<Integer, Long> came = new HashMap<>();
        followers.values().forEach(f -> came.merge(f.nodeId, f.cameMs, Math::max));
        return came;
    }

    /** @return whether that was the node's only follower: not one of two processes, or of two incarnations */
    boolean gone(int nodeId, ActorRef<Publication> ref) {
        return followers.remove(ref) != null && followers.values().stream().noneMatch(f -> f.nodeId == nodeId);
    }

    /**
     * Tells everyone what they have not been told; those that are leaving last, for from them clients hear who leads
     * instead, who had better know it by then.
     *
     * @param committed the image at the commit index
     */
    void publish(QuorumLeader quorum, MetadataImage committed) {
        Epoch epoch = quorum.epoch();
        byte[] snapshot = null;
        List<Follower> inTurn = new ArrayList<>(followers.values());
        inTurn.sort(Comparator.comparing(f -> isLeaving(committed, f.nodeId)));
        for (Follower f : inTurn) {
            if (committed.index() - f.nextIndex >= MAX_EVENTS_BEHIND
                    || f.nextIndex <= quorum.base().index()) {
                snapshot = snapshot == null ? MetadataCodec.encodeImage(committed) : snapshot;
                sendSnapshot(f, epoch, committed.index(), snapshot);
            }
            while (f.nextIndex <= committed.index()) {
                List<Quorum.Entry> entries = quorum.entries(f.nextIndex, committed.index());
                f.ref.tell(new Publication.Committed(
                        epoch,
                        f.nextIndex,
                        entries.stream().map(Quorum.Entry::value).toList()));
                f.nextIndex += entries.size();
            }
        }
    }

    private static boolean isLeaving(MetadataImage committed, int nodeId) {
        return committed
                .broker(nodeId)
                .filter(BrokerImage::inControlledShutdown)
                .isPresent();
    }

    private static void sendSnapshot(Follower f, Epoch epoch, long index, byte[] snapshot) {
        int size = Quorum.MAX_BATCH_BYTES;
        List<byte[]> parts = new ArrayList<>();
        for (int at = 0; at < snapshot.length; at += size) {
            parts.add(Arrays.copyOfRange(snapshot, at, Math.min(snapshot.length, at + size)));
        }
        for (int i = 0; i < parts.size(); i++) {
            f.ref.tell(new Publication.SnapshotPart(epoch, index, i, parts.size(), parts.get(i)));
        }
        f.nextIndex = index + 1;
    }
}
