package io.troupe.http;

import io.troupe.http.InstanceAction.Place;
import io.troupe.http.InstanceAction.Step;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

/**
 * Where a consumer instance reads each of its partitions, and what of that its group knows. A place is looked up before it is read, and
 * only who finds it where he read from moves it. Pure: who looks up and commits is told what, and tells what came of it.
 */
final class InstancePositions {
    /** In place of an offset: there is none, and none is to be made up. */
    static final long NOWHERE = -4;

    private static final long LOCATE_RETRY_MS = 500;
    /** Of the partitions told at once, so that with the instance's definition they fit into a message of 1 MiB, as does what is said of them. */
    static final int MOST_BYTES = 512 << 10;
    /** A topic's id, a partition, two offsets and lengths. */
    private static final int NUMBERS_BYTES = 16 + 5 + 10 + 10 + 4;

    private static final Comparator<TopicPartition> BY_NAME =
            Comparator.comparing(TopicPartition::topic).thenComparing(TopicPartition::partition);

    private static final class Position {
        /** Zero while it is not known. */
        private Uuid topicId;
        /** The next offset; -1 while it is not known. */
        private long next = -1;
        /** Known to the group; -1 for none. */
        private long committed = -1;
        /** Where the answer that is being sent began; -1 when it has nothing of this. */
        private long answeredFrom = -1;
        /** Where to look for it. */
        private long where = InstanceAction.BY_POLICY;
        /** Which look-up is under way; 0 for none. */
        private long lookUp;

        private long retryMs;
        private boolean revoked;
        /** The group knows no offset, and auto.offset.reset is none. */
        private boolean nowhere;

        Position(Uuid topicId) {
            this.topicId = topicId;
        }

        private boolean isToBeLocated() {
            return next < 0 && lookUp == 0 && !nowhere;
        }

        private boolean isReadable() {
            return next >= 0 && !revoked;
        }
    }

    private final TreeMap<TopicPartition, Position> all = new TreeMap<>(BY_NAME);
    /** The last one that was told to be readable, where more were; else null. */
    private TopicPartition lastRead;

    /** Sorted. */
    Set<TopicPartition> partitions() {
        return all.keySet();
    }

    /** Those that it has already stay where they are. */
    void add(Collection<TopicIdPartition> partitions) {
        partitions.forEach(
                partition -> all.computeIfAbsent(partition.topicPartition(), p -> new Position(partition.topicId())));
    }

    /**
     * For partitions that are known by their names alone: what was known of a topic does not count for another of its name.
     *
     * @param ids of topics that are there now; null for none
     */
    void renew(Function<String, Uuid> ids) {
        all.replaceAll((partition, position) -> {
            Uuid now = ids.apply(partition.topic());
            if (now == null || now.equals(position.topicId)) {
                return position;
            } else if (!position.topicId.equals(Uuid.ZERO_UUID)) {
                return new Position(now);
            }
            position.topicId = now;
            return position;
        });
    }

    void remove(Collection<TopicPartition> partitions) {
        all.keySet().removeAll(partitions);
    }

    void clear() {
        all.clear();
    }

    /** They are not read any more, but can still be committed. */
    void revoke(Collection<TopicPartition> partitions) {
        partitions.forEach(partition -> all.get(partition).revoked = true);
    }

    /** One that cannot be read until somebody says where. */
    Optional<TopicPartition> withoutPlace() {
        return all.entrySet().stream()
                .filter(at -> at.getValue().nowhere)
                .map(Map.Entry::getKey)
                .findFirst();
    }

    boolean areAllReadable() {
        return all.values().stream().allMatch(Position::isReadable);
    }

    /** As many as are told at once; the next time those after them. */
    List<Place> readable() {
        List<Place> places = new ArrayList<>();
        NavigableMap<TopicPartition, Position> first = lastRead == null ? all : all.tailMap(lastRead, false);
        NavigableMap<TopicPartition, Position> then =
                lastRead == null ? Collections.emptyNavigableMap() : all.headMap(lastRead, true);
        int left = MOST_BYTES;
        for (NavigableMap<TopicPartition, Position> some : List.of(first, then)) {
            for (Map.Entry<TopicPartition, Position> at : some.entrySet()) {
                Position position = at.getValue();
                if (position.isReadable()) {
                    left -= sizeInBytes(at.getKey());
                    if (left < 0) {
                        return places;
                    }
                    lastRead = at.getKey();
                    places.add(new Place(new TopicIdPartition(position.topicId, at.getKey()), position.next, ""));
                }
            }
        }
        lastRead = null;
        return places;
    }

    /** As many as are told at once. @param partition null for the first ones */
    List<TopicPartition> after(TopicPartition partition) {
        List<TopicPartition> some = new ArrayList<>();
        int left = MOST_BYTES;
        for (TopicPartition one :
                partition == null ? all.keySet() : all.tailMap(partition, false).keySet()) {
            left -= sizeInBytes(one);
            if (left < 0) {
                break;
            }
            some.add(one);
        }
        return some;
    }

    /** No less than it takes in a message. */
    private static int sizeInBytes(TopicPartition partition) {
        return partition.topic().length() + NUMBERS_BYTES;
    }

    /** @return the partitions whose records may be handed out, as they were read from where these are; they have moved on */
    List<TopicPartition> take(List<Step> steps) {
        List<TopicPartition> taken = new ArrayList<>();
        for (Step step : steps) {
            Position position = all.get(step.partition().topicPartition());
            // A repeat, for want of an answer, finds it where the first one left it.
            boolean here = position != null
                    && position.topicId.equals(step.partition().topicId())
                    && !position.revoked
                    && (position.next == step.from() || position.next == step.next());
            if (here) {
                boolean first = position.answeredFrom < 0 && position.next == step.from();
                position.answeredFrom = first ? step.from() : position.answeredFrom;
                position.next = step.next();
                taken.add(step.partition().topicPartition());
            }
        }
        return taken;
    }

    /** What was taken until now was sent, or else is to be read again. */
    void answerEnded(boolean sent) {
        all.values().forEach(position -> {
            if (!sent && position.answeredFrom >= 0) {
                position.next = position.answeredFrom;
            }
            position.answeredFrom = -1;
        });
    }

    /**
     * Goes on there, whatever look-up is under way.
     *
     * @return what is to be looked up
     */
    Map<TopicIdPartition, Long> seek(List<Place> places) {
        Map<TopicIdPartition, Long> unknown = new HashMap<>();
        for (Place place : places) {
            TopicPartition partition = place.partition().topicPartition();
            Position position = all.get(partition);
            position.lookUp = 0;
            position.nowhere = false;
            position.answeredFrom = -1;
            position.next = Math.max(-1, place.offset());
            if (place.offset() < 0) {
                position.where = place.offset();
                unknown.put(new TopicIdPartition(position.topicId, partition), place.offset());
            }
        }
        return unknown;
    }

    /** Those that still stand at these places, which are not in their logs, are to be found by the policy, which forgets what was committed. */
    void lost(List<Place> places, InstanceDefinition.Reset policy) {
        for (Place place : places) {
            Position position = all.get(place.partition().topicPartition());
            if (position != null
                    && position.topicId.equals(place.partition().topicId())
                    && position.next == place.offset()) {
                position.answeredFrom = -1;
                position.next = -1;
                position.where = reset(policy);
                position.nowhere = position.where == NOWHERE;
            }
        }
    }

    private static long reset(InstanceDefinition.Reset policy) {
        return switch (policy) {
            case EARLIEST -> InstanceAction.BEGINNING;
            case LATEST -> InstanceAction.END;
            case NONE -> NOWHERE;
        };
    }

    /** What is to be looked up by now. */
    Map<TopicIdPartition, Long> toBeLocated(long nowMs) {
        Map<TopicIdPartition, Long> unknown = new HashMap<>();
        all.forEach((partition, position) -> {
            if (!position.isToBeLocated() || position.retryMs > nowMs) {
                return;
            }
            if (position.topicId.equals(Uuid.ZERO_UUID)) {
                position.retryMs = nowMs + LOCATE_RETRY_MS;
            } else {
                unknown.put(new TopicIdPartition(position.topicId, partition), position.where);
            }
        });
        return unknown;
    }

    /** When there will be something to be looked up. */
    long dueMs() {
        return all.values().stream()
                .filter(Position::isToBeLocated)
                .mapToLong(position -> position.retryMs)
                .min()
                .orElse(Long.MAX_VALUE);
    }

    void lookUpBegins(long number, Collection<TopicIdPartition> partitions) {
        partitions.forEach(partition -> all.get(partition.topicPartition()).lookUp = number);
    }

    /**
     * A look-up has ended. What was sought elsewhere meanwhile, or is another's or another topic's, is not concerned.
     *
     * @param offsets of those that were found, or {@link #NOWHERE}
     * @param committed which of these are known to the group
     * @return whether all were found; the others are looked up again
     */
    boolean lookUpEnded(long number, Map<TopicPartition, Long> offsets, Set<TopicPartition> committed, long nowMs) {
        boolean found = true;
        for (Map.Entry<TopicPartition, Position> at : all.entrySet()) {
            Position position = at.getValue();
            if (position.lookUp == number) {
                position.lookUp = 0;
                Long offset = offsets.get(at.getKey());
                if (offset == null) {
                    found = false;
                    position.retryMs = nowMs + LOCATE_RETRY_MS;
                } else if (offset == NOWHERE) {
                    position.nowhere = true;
                } else {
                    position.next = offset;
                    position.committed = committed.contains(at.getKey()) ? offset : position.committed;
                }
            }
        }
        return found;
    }

    /** What the group does not know yet, of some partitions. @param sent whether only of answers that were sent */
    List<Place> dirty(Collection<TopicPartition> partitions, boolean sent) {
        List<Place> dirty = new ArrayList<>();
        for (TopicPartition partition : partitions) {
            Position position = all.get(partition);
            if (position != null) {
                long next = sent && position.answeredFrom >= 0 ? position.answeredFrom : position.next;
                if (next >= 0 && next != position.committed) {
                    dirty.add(new Place(new TopicIdPartition(position.topicId, partition), next, ""));
                }
            }
        }
        return dirty;
    }

    /** The topic of which it reads a partition; zero where it does not, or does not know it. */
    Uuid topicId(TopicPartition partition) {
        Position position = all.get(partition);
        return position == null ? Uuid.ZERO_UUID : position.topicId;
    }

    void committed(List<Place> offsets) {
        offsets.forEach(place -> {
            Position position = all.get(place.partition().topicPartition());
            if (position != null && position.topicId.equals(place.partition().topicId())) {
                position.committed = place.offset();
            }
        });
    }
}
