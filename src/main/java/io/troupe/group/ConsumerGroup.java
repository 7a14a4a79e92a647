package io.troupe.group;

import io.troupe.config.GroupConfig;
import io.troupe.group.assignor.TopicRegexes;
import io.troupe.metadata.MetadataImage;
import java.util.List;
import java.util.Optional;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.apache.kafka.common.protocol.Errors;

/**
 * A consumer group of the consumer protocol (KIP-848, 1251): the coordinator assigns partitions, and each member is led to its
 * part of the target by its own heartbeats ({@link Reconciliation}).
 *
 * <pre>
 * state         what it means                                               what moves it on
 * Empty         no members                                                  a member joins: epoch + 1
 * Assigning     the target is of an older epoch                             (the next target is made at once)
 * Reconciling   a member is not STABLE in the target's epoch                heartbeats
 * Stable        everybody has what the target gives                         a join, leave, end of session or of the time to give
 *                                                                           partitions up, another subscription, other topics:
 *                                                                           epoch + 1
 * </pre>
 *
 * <p>What it decides it knows at once, and answers once the records of it, and of all that came before, are acknowledged. When
 * an append fails the machine is worthless, says so by {@link Effect.Renew}, and is made anew from what is acknowledged, as it
 * is on another broker after a failover: all sessions begin anew then.
 */
final class ConsumerGroup implements GroupCore {
    /** Kafka's name of this type of group. */
    static final String TYPE = "consumer";

    private static final String STABLE = "Stable";
    private static final int DOWNGRADE_RETRY_MS = 5000;

    /**
     * What a group looks at but does not own.
     *
     * @param image the newest metadata
     * @param members of all groups of the consumer protocol that this broker coordinates: by it heartbeats are spread
     * @param regexes shared by all of them
     * @param memberIds an id for a member that brings none, never the same twice
     */
    record Surroundings(
            Supplier<MetadataImage> image, IntSupplier members, TopicRegexes regexes, Supplier<String> memberIds) {}

    private final ConsumerGroupState group;
    private final ConsumerTargets targets;
    private final ConsumerHeartbeats heartbeats;
    private final ClassicMembers classics;
    private final ConsumerRetention retention;
    /** As of when the group last moved. */
    private String state;

    private long downgradeNotBeforeMs;

    /**
     * @param appending appends that a former machine of this group asked for and that are not yet decided
     * @param before what happened to the group until now
     */
    ConsumerGroup(
            CommittedGroup committed,
            GroupConfig config,
            Surroundings around,
            int appending,
            GroupEvents before,
            long nowMs) {
        group = new ConsumerGroupState(committed, config, around, appending, before, nowMs);
        targets = new ConsumerTargets(group);
        heartbeats = new ConsumerHeartbeats(group, targets);
        classics = new ClassicMembers(group, targets, heartbeats);
        retention = new ConsumerRetention(group, targets);
        if (hasOnlyClassicMembers()) {
            // It was to become a classic group, and that may have failed.
            downgradeNotBeforeMs = group.deadline(nowMs + DOWNGRADE_RETRY_MS);
        }
        look(nowMs);
    }

    @Override
    public CommittedGroup committed() {
        return group.committed;
    }

    @Override
    public String stateText() {
        return state;
    }

    @Override
    public GroupEvents events() {
        return group.history.events();
    }

    @Override
    public void noteLoaded(String why, long nowMs) {
        group.history.loaded(why, nowMs);
    }

    private String computeState() {
        if (group.members.isEmpty()) {
            return "Empty";
        }
        if (group.epoch > group.targetEpoch) {
            return "Assigning";
        }
        for (ConsumerMember member : group.members.values()) {
            if (!group.hasItsTarget(member)) {
                return "Reconciling";
            }
        }
        return STABLE;
    }

    @Override
    public String groupType() {
        return TYPE;
    }

    @Override
    public String protocolType() {
        return ClassicWords.TYPE;
    }

    @Override
    public int appending() {
        return group.appending;
    }

    @Override
    public long nextDeadlineMs() {
        return group.nextDeadlineMs;
    }

    /** The name of the assignor that makes targets. */
    String assignor() {
        return targets.assignor();
    }

    int epoch() {
        return group.epoch;
    }

    int size() {
        return group.members.size();
    }

    /** Where a member stands, acknowledged or not; null for no such member. */
    CurrentAssignment current(String memberId) {
        ConsumerMember member = group.members.get(memberId);
        return member == null ? null : member.current;
    }

    @Override
    public List<Effect> handle(GroupRequest request, long nowMs) {
        if (request instanceof GroupRequest.ConsumerHeartbeat heartbeat) {
            heartbeats.onHeartbeat(heartbeat, nowMs);
        } else if (request instanceof GroupRequest.CommitOffsets commit) {
            retention.onCommitOffsets(commit, nowMs);
        } else if (request instanceof GroupRequest.FetchOffsets fetch) {
            retention.onFetchOffsets(fetch);
        } else if (request instanceof GroupRequest.DescribeConsumers describe) {
            group.answer(describe.reply(), ConsumerGroupDescription.of(this, group));
        } else if (request instanceof GroupRequest.Describe describe) {
            describe.answerUnknown("Group " + group.groupId() + " is not a classic group.");
        } else if (request instanceof GroupRequest.Events events) {
            group.answer(events.reply(), group.history.shown(nowMs));
        } else if (request instanceof GroupRequest.Delete delete) {
            retention.onDelete(delete);
        } else if (request instanceof GroupRequest.DeleteOffsets delete) {
            retention.onDeleteOffsets(delete);
        } else if (request instanceof GroupRequest.Leave leave) {
            heartbeats.onLeave(leave, nowMs);
        } else if (request instanceof GroupRequest.Join join) {
            classics.onJoin(join, nowMs);
        } else if (request instanceof GroupRequest.Sync sync) {
            classics.onSync(sync, nowMs);
        } else if (request instanceof GroupRequest.Heartbeat heartbeat) {
            classics.onHeartbeat(heartbeat, nowMs);
        } else {
            group.refuse(request, Errors.UNKNOWN_MEMBER_ID);
        }
        // What made this group may still wait for its first append.
        group.store(Effect.Nothing.NOTHING);
        return take(nowMs);
    }

    @Override
    public List<Effect> tick(long nowMs) {
        group.nextDeadlineMs = ConsumerGroupState.NEVER;
        heartbeats.tick(nowMs);
        if (group.sweepDeadlineMs <= nowMs) {
            group.sweepDeadlineMs = nowMs + ClassicGroup.SWEEP_INTERVAL_MS;
            retention.sweep(nowMs);
        }
        group.deadline(group.sweepDeadlineMs);
        if (downgradeNotBeforeMs > nowMs) {
            group.deadline(downgradeNotBeforeMs);
        }
        for (ConsumerMember member : group.members.values()) {
            group.deadline(Math.min(member.sessionDeadlineMs, member.revocationDeadlineMs));
        }
        return take(nowMs);
    }

    @Override
    public List<Effect> appended(Effect.Append append, Errors error, long nowMs) {
        group.appending--;
        if (error == Errors.NONE) {
            group.committed = group.committed.with(append.records());
        } else {
            group.effect(Effect.Renew.RENEW);
        }
        if (append.then() instanceof Effect.ThenAnswer<?> then) {
            group.effect(then.answer(error));
        }
        return take(nowMs);
    }

    /** Offsets of topics that are no more go. */
    @Override
    public List<Effect> checkTopics(TopicIds topics, long nowMs) {
        retention.checkTopics(topics);
        group.store(Effect.Nothing.NOTHING);
        return take(nowMs);
    }

    /** An epoch begins if other topics, or more partitions of them, match the subscriptions now. */
    @Override
    public List<Effect> topicsChanged(long nowMs) {
        targets.refresh(nowMs);
        group.store(Effect.Nothing.NOTHING);
        return take(nowMs);
    }

    /** Nothing is ever parked. */
    @Override
    public List<Effect> end(Errors error) {
        return group.drain();
    }

    /** The records by which a group without members ends, its offsets aside, so that a classic one may begin. */
    Effect.Append tombstones() {
        group.storeNothing();
        group.store(Effect.Nothing.NOTHING);
        return (Effect.Append) group.drain().get(0);
    }

    /**
     * What made a group of the consumer protocol out of a classic one, of which this group was made: it is appended together
     * with whatever this group first appends.
     *
     * @param last what the classic machine still wants done
     */
    void upgraded(List<GroupRecord> records, List<Effect> last, long nowMs) {
        last.forEach(group::effect);
        records.forEach(group::store);
        downgradeNotBeforeMs = nowMs;
        group.history.loaded("speaks the consumer protocol from now on, with ", nowMs);
    }

    /**
     * The records by which this group becomes a classic one, if it is time: only classic members are left, all that was
     * decided is stored, and configuration allows it.
     */
    Optional<List<GroupRecord>> downgrade(long nowMs) {
        return group.appending == 0
                        && nowMs >= downgradeNotBeforeMs
                        && group.consumerConfig().migrationPolicy().downgrades()
                        && group.members.size() <= group.config.maxSize()
                        && hasOnlyClassicMembers()
                ? GroupMigration.toClassic(group, group.around.image().get(), nowMs)
                : Optional.empty();
    }

    private boolean hasOnlyClassicMembers() {
        for (ConsumerMember member : group.members.values()) {
            if (member.metadata.classic() == null) {
                return false;
            }
        }
        return !group.members.isEmpty();
    }

    private void look(long nowMs) {
        if (group.moved) {
            group.moved = false;
            state = computeState();
            group.history.moved(state.equals(STABLE), nowMs);
        }
    }

    private List<Effect> take(long nowMs) {
        look(nowMs);
        if (group.members.isEmpty() && group.appending == 0 && group.committed.isVoid()) {
            group.effect(Effect.Forget.FORGET);
        }
        return group.drain();
    }
}
