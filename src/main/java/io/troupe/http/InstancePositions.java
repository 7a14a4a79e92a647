package io.troupe.http;

import io.troupe.http.InstanceAction.Place;
import io.troupe.http.InstanceAction.Step;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;

/**
 * Where a consumer instance reads each of its partitions, and what of that its group knows. A place is looked up before it is read, and
 * only who finds it where he read from moves it. Pure: who looks up and commits is told what, and tells what came of it.
 */
final class InstancePositions {
    /** In place of an offset: there is none, and none is to be made up. */
    static final long NOWHERE = -4;

    private static final long LOCATE_RETRY_MS = 500;

    private static final Comparator<TopicPartition> BY_NAME =
            Comparator.comparing(TopicPartition::topic).thenComparing(TopicPartition::partition);

    private static final class Position {
        /** The next offset; -1 while it is not known. */
        private long next = -1;
        /** Known to the group; -1 for none. */
        private long committed = -1;
        /** Where to look for it. */
        private long where = InstanceAction.BY_POLICY;
        /** Which look-up is under way; 0 for none. */
        private long lookUp;

        private long retryMs;
        private boolean revoked;
        /** The group knows no offset, and auto.offset.reset is none. */
        private boolean nowhere;

        private boolean isToBeLocated() {
            return next < 0 && lookUp == 0 && !nowhere;
        }

        private boolean isReadable() {
            return next >= 0 && !revoked;
        }

        private boolean isDirty() {
            return next >= 0 && next != committed;
        }
    }

    private final TreeMap<TopicPartition, Position> all = new TreeMap<>(BY_NAME);

    /** Sorted. */
    Set<TopicPartition> partitions() {
        return all.keySet();
    }

    /** Those that it has already stay where they are. */
    void add(Collection<TopicPartition> partitions) {
        partitions.forEach(partition -> all.computeIfAbsent(partition, p -> new Position()));
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

    List<Place> readable() {
        List<Place> places = new ArrayList<>();
        all.forEach((partition, position) -> {
            if (position.isReadable()) {
                places.add(new Place(partition, position.next, ""));
            }
        });
        return places;
    }

    /** @return the partitions whose records may be handed out, as they were read from where these are; they have moved on */
    List<TopicPartition> take(List<Step> steps) {
        List<TopicPartition> taken = new ArrayList<>();
        for (Step step : steps) {
            Position position = all.get(step.partition());
            // A repeat, for want of an answer, finds it where the first one left it.
            boolean here = position != null
                    && !position.revoked
                    && (position.next == step.from() || position.next == step.next());
            if (here) {
                position.next = step.next();
                taken.add(step.partition());
            }
        }
        return taken;
    }

    /**
     * Goes on there, whatever look-up is under way.
     *
     * @param policy what BY_POLICY comes to without what was committed, which is where it was found to be no more
     * @return what is to be looked up
     */
    Map<TopicPartition, Long> seek(List<Place> places, InstanceDefinition.Reset policy) {
        Map<TopicPartition, Long> unknown = new HashMap<>();
        for (Place place : places) {
            Position position = all.get(place.partition());
            position.lookUp = 0;
            position.nowhere = false;
            position.next = place.offset() >= 0 ? place.offset() : -1;
            if (place.offset() < 0) {
                position.where = place.offset() == InstanceAction.BY_POLICY ? reset(policy) : place.offset();
                position.nowhere = position.where == NOWHERE;
                if (!position.nowhere) {
                    unknown.put(place.partition(), position.where);
                }
            }
        }
        return unknown;
    }

    private static long reset(InstanceDefinition.Reset policy) {
        return switch (policy) {
            case EARLIEST -> InstanceAction.BEGINNING;
            case LATEST -> InstanceAction.END;
            case NONE -> NOWHERE;
        };
    }

    /** What is to be looked up by now. */
    Map<TopicPartition, Long> toBeLocated(long nowMs) {
        Map<TopicPartition, Long> unknown = new HashMap<>();
        all.forEach((partition, position) -> {
            if (position.isToBeLocated() && position.retryMs <= nowMs) {
                unknown.put(partition, position.where);
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

    void lookUpBegins(long number, Collection<TopicPartition> partitions) {
        partitions.forEach(partition -> all.get(partition).lookUp = number);
    }

    /**
     * A look-up has ended. What was sought elsewhere meanwhile, or is another's, is not concerned.
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

    /** What the group does not know yet, of some partitions. */
    List<Place> dirty(Collection<TopicPartition> partitions) {
        List<Place> dirty = new ArrayList<>();
        for (TopicPartition partition : partitions) {
            Position position = all.get(partition);
            if (position != null && position.isDirty()) {
                dirty.add(new Place(partition, position.next, ""));
            }
        }
        return dirty;
    }

    void committed(List<Place> offsets) {
        offsets.forEach(place -> {
            Position position = all.get(place.partition());
            if (position != null) {
                position.committed = place.offset();
            }
        });
    }
}
