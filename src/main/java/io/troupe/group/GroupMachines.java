package io.troupe.group;

import io.troupe.config.GroupConfig;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Which kind of machine a group is, and how it changes from one kind to the other: when nobody is in it by who comes first, and
 * with members in it by {@link GroupMigration}. Pure; owned by the group's thread.
 *
 * <pre>
 * from       to         when
 * classic    consumer   a member of the consumer protocol joins and nobody is in it, or it is settled and configuration allows it
 * consumer   classic    a classic member joins, nobody is in it, and that is stored
 * consumer   classic    only classic members are left ({@link ConsumerGroup#downgrade})
 * </pre>
 *
 * @param newMemberId makes a unique id of a classic member that begins with the given client or instance id
 */
record GroupMachines(GroupConfig config, ConsumerGroup.Surroundings around, UnaryOperator<String> newMemberId) {
    /**
     * A machine in the place of another, or the same.
     *
     * @param effects what it wants done before anything else
     * @param isReady false when it cannot handle the request yet: whoever asks is to try again
     */
    record Turn(GroupCore machine, List<Effect> effects, boolean isReady) {
        private Turn(GroupCore machine) {
            this(machine, List.of(), true);
        }
    }

    /** The machine of what is stored. */
    GroupCore first(CommittedGroup committed, GroupEvents before, long nowMs) {
        return committed.consumers() == null
                ? classic(committed, 0, before, nowMs)
                : consumers(committed, 0, before, nowMs);
    }

    /**
     * The machine by which a request is to be handled. It is not ready while it is to be another one, but is not stored yet that
     * nobody is in the group, or not settled who has what.
     */
    Turn before(GroupRequest request, GroupCore group, long nowMs) {
        if (group instanceof ClassicGroup classic
                && request instanceof GroupRequest.ConsumerHeartbeat heartbeat
                && heartbeat.data().memberEpoch() == ConsumerHeartbeatCheck.JOIN) {
            if (classic.mayBeReplaced()) {
                return new Turn(consumers(classic.committed(), classic.appending(), classic.events(), nowMs));
            }
            if (classic.mayBeUpgraded(heartbeat.data().instanceId())) {
                if (!classic.isSettled()) {
                    return new Turn(classic, classic.settle(nowMs), false);
                }
                return new Turn(upgraded(classic, nowMs));
            }
        }
        if (group instanceof ConsumerGroup consumers && request instanceof GroupRequest.Join && consumers.size() == 0) {
            return consumers.appending() > 0 ? new Turn(consumers, List.of(), false) : emptied(consumers, nowMs);
        }
        return new Turn(group);
    }

    /** A group in which only classic members are left becomes a classic one, if it is time. */
    Optional<Turn> downgrade(GroupCore group, long nowMs) {
        if (!(group instanceof ConsumerGroup consumers)) {
            return Optional.empty();
        }
        return consumers.downgrade(nowMs).map(records -> {
            ClassicGroup classic = classic(consumers.committed().with(records), 0, consumers.events(), nowMs);
            return new Turn(classic, classic.downgraded(records, nowMs), true);
        });
    }

    /** Stays what it is when its members say what cannot be carried on. */
    private GroupCore upgraded(ClassicGroup classic, long nowMs) {
        return classic.upgrade(around.image().get())
                .<GroupCore>map(records -> {
                    ConsumerGroup consumers =
                            consumers(classic.committed().with(records), classic.appending(), classic.events(), nowMs);
                    consumers.upgraded(records, classic.replaced(), nowMs);
                    return consumers;
                })
                .orElse(classic);
    }

    private Turn emptied(ConsumerGroup consumers, long nowMs) {
        Effect.Append tombstones = consumers.tombstones();
        return new Turn(
                classic(
                        consumers.committed().with(tombstones.records()),
                        consumers.appending(),
                        consumers.events(),
                        nowMs),
                List.of(tombstones),
                true);
    }

    private ClassicGroup classic(CommittedGroup committed, int appending, GroupEvents before, long nowMs) {
        return new ClassicGroup(committed, config, newMemberId, appending, before, nowMs);
    }

    private ConsumerGroup consumers(CommittedGroup committed, int appending, GroupEvents before, long nowMs) {
        return new ConsumerGroup(committed, config, around, appending, before, nowMs);
    }
}
