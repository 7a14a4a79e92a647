package io.troupe.group;

import java.util.List;
import java.util.UUID;
import org.apache.kafka.common.Uuid;

/**
 * Which {@link GroupCore} runs a group: the one that fits what is stored of it, and another when it changes its protocol (KIP-848,
 * "Empty groups" and "Online migration").
 *
 * <pre>
 * is               when                                              becomes
 * classic, empty   a member of the consumer protocol joins           consumer
 * classic          the same, and all is settled and allows it        consumer, with its classic members
 * consumer, empty  a classic member joins                            classic
 * consumer         only classic members are left, all is stored      classic, which begins a rebalance
 * </pre>
 *
 * <p>Owned by the group's thread.
 */
final class GroupMachines {
    private final GroupContext shared;
    private final GroupCell cell;

    GroupMachines(GroupContext shared, GroupCell cell) {
        this.shared = shared;
        this.cell = cell;
    }

    /** A machine that runs the group from now on, the same or another, and what it wants done first. */
    record Turn(GroupCore machine, List<Effect> effects) {}

    /** A machine for what is acknowledged. */
    GroupCore first(long nowMs) {
        boolean again = cell.begun;
        cell.begun = true;
        CommittedGroup committed = cell.committed;
        GroupCore machine =
                committed.consumers() == null ? classic(committed, 0, nowMs) : consumer(committed, 0, nowMs);
        if (again || committed.metadata() != null || committed.consumers() != null) {
            machine.noteLoaded(again ? "begins again after a fault, with " : "has a new coordinator, and ", nowMs);
        }
        return machine;
    }

    /**
     * Who is to handle a request. Null when that would be another machine, but it is not stored yet that nobody is in the group, or
     * not settled who has what: then the request must come again.
     */
    Turn before(GroupRequest request, GroupCore machine, long nowMs) {
        Turn same = new Turn(machine, List.of());
        if (machine instanceof ClassicGroup classic
                && request instanceof GroupRequest.ConsumerHeartbeat heartbeat
                && heartbeat.data().memberEpoch() == ConsumerHeartbeatCheck.JOIN) {
            if (classic.mayBeReplaced()) {
                return new Turn(consumer(classic.committed(), classic.appending(), nowMs), List.of());
            }
            if (classic.mayBeUpgraded(heartbeat.data().instanceId())) {
                return classic.isSettled() ? upgraded(classic, nowMs) : null;
            }
        } else if (machine instanceof ConsumerGroup consumers
                && request instanceof GroupRequest.Join
                && consumers.size() == 0) {
            if (consumers.appending() > 0) {
                return null;
            }
            Effect.Append tombstones = consumers.tombstones();
            return new Turn(
                    classic(consumers.committed().with(tombstones.records()), consumers.appending(), nowMs),
                    List.of(tombstones));
        }
        return same;
    }

    /** It stays what it was if members say what cannot be carried on. */
    private Turn upgraded(ClassicGroup classic, long nowMs) {
        hearsOfTopics();
        List<GroupRecord> records = classic.upgrade(shared.image().get()).orElse(null);
        if (records == null) {
            return new Turn(classic, List.of());
        }
        ConsumerGroup consumers = consumer(classic.committed().with(records), classic.appending(), nowMs);
        consumers.upgraded(records, nowMs);
        return new Turn(consumers, List.of());
    }

    /** Null when the group is to stay what it is. */
    Turn downgrade(GroupCore machine, long nowMs) {
        if (!(machine instanceof ConsumerGroup consumers)) {
            return null;
        }
        List<GroupRecord> records = consumers.downgrade(nowMs).orElse(null);
        if (records == null) {
            return null;
        }
        ClassicGroup classic = classic(consumers.committed().with(records), 0, nowMs);
        return new Turn(classic, classic.downgraded(records, nowMs));
    }

    private ClassicGroup classic(CommittedGroup committed, int appending, long nowMs) {
        return new ClassicGroup(
                committed, shared.config(), prefix -> prefix + "-" + UUID.randomUUID(), appending, cell.events, nowMs);
    }

    private ConsumerGroup consumer(CommittedGroup committed, int appending, long nowMs) {
        hearsOfTopics();
        return new ConsumerGroup(
                committed,
                shared.config(),
                new ConsumerGroup.Surroundings(
                        shared.image(), shared.consumers()::get, shared.regexes(), () -> Uuid.randomUuid()
                                .toString()),
                appending,
                cell.events,
                nowMs);
    }

    /** The coordinator tells it of their changes from here on: it must do so before the machine looks at the topics. */
    private void hearsOfTopics() {
        cell.groupType = ConsumerGroup.TYPE;
    }
}
