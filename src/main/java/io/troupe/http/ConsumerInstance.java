package io.troupe.http;

import io.troupe.http.InstanceAction.Place;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;

/**
 * One consumer instance of the HTTP API: what it is subscribed to, its part in its group, and where it reads. Pure: what it wants done it
 * says to {@link Work}, whose results are told to it, and time comes in. It never sees a record: who reads asks for a lease (one at a
 * time) and the places, reads them, and before anything is handed out takes it here, so nothing of a partition that is another's by
 * then, and nothing twice, is.
 *
 * <p>Changes (create, subscribe, assign, delete) are stored first and done then, one at a time; others of them wait, at most
 * {@value #MOST_WAITING}.
 */
final class ConsumerInstance {
    static final int MOST_WAITING = 32;
    /** A reader that was not heard of for so long is gone; it may be waiting for another broker's records meanwhile. */
    static final long LEASE_MS = 10_000;

    private static final long EXPIRY_RETRY_MS = 30_000;

    /** What it wants done. Nothing here answers before the call returns. */
    interface Work {
        /** Ends in {@link #stored}. @param definition null: there is none any more */
        void store(InstanceDefinition definition);

        /** Ends in {@link #heartbeatAnswered} or {@link #heartbeatFailed}. @param membership to which the answer belongs */
        void heartbeat(long membership, ConsumerGroupHeartbeatRequestData request);

        /** Ends in {@link #committed}. @param memberEpoch -1 for a consumer that is no member */
        void commit(long number, int memberEpoch, List<Place> offsets);

        /** Ends in {@link #located}. @param where of each partition an offset below 0 of {@link InstanceAction} */
        void locate(long number, Map<TopicIdPartition, Long> where);

        /** There is nothing to be kept here. */
        void stop();
    }

    /** Topics as this broker knows them now; null for those that it does not. */
    interface KnownTopics {
        String name(Uuid id);

        Uuid id(String name);

        /** Its topic's id is zero where that is not known. */
        default TopicIdPartition of(TopicPartition partition) {
            Uuid known = id(partition.topic());
            return new TopicIdPartition(known == null ? Uuid.ZERO_UUID : known, partition);
        }
    }

    private record Waiting(InstanceAction action, Consumer<InstanceReply> reply) {}

    private final InstanceId id;
    private final long timeoutMs;
    private final KnownTopics topics;
    private final Work work;
    private final InstancePositions positions = new InstancePositions();
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    /** Commits that came while it was no member yet, as after its broker died; at most {@link #MOST_WAITING}. */
    private final List<Waiting> joining = new ArrayList<>();

    private final InstanceCommits commits;
    private final Map<Long, Consumer<InstanceReply>> seeks = new HashMap<>();

    private InstanceDefinition definition;
    /** Null while it is not subscribed; each has a number. */
    private InstanceMembership membership;

    private long membershipNumber;
    /** What becomes of the change under way when it is stored; null for none. */
    private Consumer<HttpFailure> onStored;

    private boolean changing;
    private boolean committing;
    private boolean ended;
    private long lease;
    private long leaseUntilMs;
    private boolean used;
    private long usedMs;
    private long numbers;

    /**
     * @param definition as stored; null for none
     * @param timeoutMs after which an instance that nobody uses is no more
     */
    ConsumerInstance(
            InstanceId id, InstanceDefinition definition, long timeoutMs, KnownTopics topics, Work work, long nowMs) {
        this.id = id;
        this.definition = definition;
        this.timeoutMs = timeoutMs;
        this.topics = topics;
        this.work = work;
        this.commits = new InstanceCommits(positions, topics, work);
        this.usedMs = nowMs;
    }

    /** Somebody uses it, so it takes its part in its group again; until then it would only keep partitions from others. */
    private void use(long nowMs) {
        usedMs = nowMs;
        if (used || definition == null) {
            return;
        }
        used = true;
        if (definition.isSubscribed()) {
            join(nowMs);
        } else if (definition.isAssigned()) {
            addAssigned();
        }
    }

    private void addAssigned() {
        positions.add(definition.assigned().stream().map(topics::of).toList());
    }

    /** Nobody tells of other topics of those names where no group assigns them. */
    private void renew() {
        if (membership == null) {
            positions.renew(topics::id);
        }
    }

    private void join(long nowMs) {
        membership = new InstanceMembership(definition, topics::name, nowMs);
        membershipNumber++;
    }

    private void leave() {
        if (membership != null) {
            work.heartbeat(-1, membership.leave());
            membership = null;
        }
        positions.clear();
    }

    boolean exists() {
        return definition != null;
    }

    String memberId() {
        return definition.memberId();
    }

    InstanceDefinition.Reset resetPolicy() {
        return definition.resetPolicy();
    }

    /** It wants to stop; whatever else it is asked is to be asked of its successor. */
    boolean hasEnded() {
        return ended;
    }

    void on(InstanceAction action, Consumer<InstanceReply> reply, long nowMs) {
        if (!(action instanceof InstanceAction.Touch)) {
            use(nowMs);
            renew();
        }
        if (action instanceof InstanceAction.Create create) {
            change(action, reply, () -> create(create.definition(), reply));
        } else if (definition == null) {
            reply.accept(unknown());
            endIfUnused();
        } else if (action instanceof InstanceAction.Delete) {
            change(action, reply, () -> delete(reply));
        } else if (action instanceof InstanceAction.Subscribe subscribe) {
            change(action, reply, () -> subscribe(subscribe, reply, nowMs));
        } else if (action instanceof InstanceAction.Unsubscribe) {
            change(action, reply, () -> unsubscribe(reply));
        } else if (action instanceof InstanceAction.Assign assign) {
            change(action, reply, () -> assign(assign, reply, nowMs));
        } else if (action instanceof InstanceAction.Describe describe) {
            List<TopicPartition> some = positions.after(describe.after());
            boolean more = !some.isEmpty()
                    && !positions.after(some.get(some.size() - 1)).isEmpty();
            reply.accept(new InstanceReply.Described(definition, some, more));
        } else if (action instanceof InstanceAction.Read read) {
            reply.accept(read(read.lease(), nowMs));
        } else if (action instanceof InstanceAction.Take take) {
            reply.accept(take(take, nowMs));
        } else if (action instanceof InstanceAction.Leave leave) {
            if (lease == leave.lease()) {
                lease = 0;
                positions.answerEnded(leave.done());
            }
            reply.accept(new InstanceReply.Done());
        } else if (action instanceof InstanceAction.Seek seek) {
            seek(seek, reply);
        } else if (action instanceof InstanceAction.Lost lost) {
            positions.lost(lost.places(), definition.resetPolicy());
            reply.accept(new InstanceReply.Done());
        } else if (action instanceof InstanceAction.Commit commit) {
            commit(commit, reply);
        } else {
            reply.accept(new InstanceReply.Done());
        }
        tick(nowMs);
    }

    private InstanceReply.Refused unknown() {
        return new InstanceReply.Refused(
                HttpFailure.UNKNOWN_INSTANCE,
                "There is no consumer instance " + id.name() + " in group " + id.group() + ".");
    }

    private static InstanceReply.Refused illegal(String message) {
        return new InstanceReply.Refused(HttpFailure.ILLEGAL_STATE, message);
    }

    void endIfUnused() {
        if (definition == null && !changing && !ended) {
            ended = true;
            work.stop();
        }
    }

    private void change(InstanceAction action, Consumer<InstanceReply> reply, Runnable change) {
        if (!changing) {
            change.run();
        } else if (waiting.size() < MOST_WAITING) {
            waiting.add(new Waiting(action, reply));
        } else {
            reply.accept(InstanceReply.Refused.of(
                    HttpFailure.tryAgain("Too many changes of this consumer instance are under way.")));
        }
    }

    /** Stores what is to be, then does it; or tells why not. */
    private void store(InstanceDefinition next, Consumer<InstanceReply> reply, Runnable done) {
        changing = true;
        onStored = failure -> {
            if (failure != null) {
                reply.accept(InstanceReply.Refused.of(failure));
            } else {
                definition = next;
                used = true;
                done.run();
                reply.accept(new InstanceReply.Done());
            }
        };
        work.store(next);
    }

    /** @param failure null when it is stored */
    void stored(HttpFailure failure, long nowMs) {
        Consumer<HttpFailure> then = onStored;
        onStored = null;
        changing = false;
        then.accept(failure);
        while (!changing && !ended && !waiting.isEmpty()) {
            Waiting next = waiting.poll();
            on(next.action(), next.reply(), nowMs);
        }
        endIfUnused();
        while (ended && !waiting.isEmpty()) {
            waiting.poll().reply().accept(unknown());
        }
        tick(nowMs);
    }

    private void create(InstanceDefinition wanted, Consumer<InstanceReply> reply) {
        if (definition == null) {
            store(wanted, reply, () -> {});
        } else if (definition.memberId().equals(wanted.memberId())) {
            reply.accept(new InstanceReply.Done());
        } else {
            reply.accept(new InstanceReply.Refused(
                    HttpFailure.EXISTS,
                    "There is a consumer instance " + id.name() + " in group " + id.group() + " already."));
        }
    }

    private void delete(Consumer<InstanceReply> reply) {
        changing = true;
        commitOwn(positions.partitions(), () -> store(null, reply, this::leave));
    }

    private void subscribe(InstanceAction.Subscribe wanted, Consumer<InstanceReply> reply, long nowMs) {
        boolean otherKind = wanted.topics() != null ? definition.pattern() != null : definition.topics() != null;
        if (definition.isAssigned() || otherKind) {
            reply.accept(illegal("Subscriptions to topics, to a pattern and to partitions exclude one another;"
                    + " DELETE the subscription first."));
            return;
        }
        InstanceDefinition next = definition.subscribed(wanted.topics(), wanted.pattern());
        if (next.equals(definition)) {
            reply.accept(new InstanceReply.Done());
            return;
        }
        store(next, reply, () -> {
            if (membership == null) {
                join(nowMs);
            } else {
                membership.subscribe(next.topics(), next.pattern(), nowMs);
            }
        });
    }

    private void unsubscribe(Consumer<InstanceReply> reply) {
        if (!definition.isSubscribed() && !definition.isAssigned()) {
            reply.accept(new InstanceReply.Done());
            return;
        }
        changing = true;
        commitOwn(positions.partitions(), () -> store(definition.unsubscribed(), reply, this::leave));
    }

    private void assign(InstanceAction.Assign wanted, Consumer<InstanceReply> reply, long nowMs) {
        if (definition.isSubscribed()) {
            reply.accept(illegal("The instance is subscribed: its group assigns it partitions."
                    + " DELETE the subscription first."));
            return;
        }
        Set<TopicPartition> left = new HashSet<>(positions.partitions());
        wanted.partitions().forEach(left::remove);
        changing = true;
        commitOwn(
                left,
                () -> store(definition.assigned(List.copyOf(wanted.partitions())), reply, () -> {
                    positions.remove(left);
                    addAssigned();
                }));
    }

    private InstanceReply read(long by, long nowMs) {
        if (!definition.isSubscribed() && !definition.isAssigned()) {
            return illegal("The instance is not subscribed to topics and has no partitions assigned.");
        }
        if (lease != 0 && lease != by && nowMs < leaseUntilMs) {
            return new InstanceReply.Busy();
        }
        if (membership != null && membership.problem() != null) {
            return illegal(membership.problem());
        }
        if (lease != by) {
            // Whose lease ran out may still be sending, or be gone: read twice is better than not at all.
            positions.answerEnded(false);
            if (!committing) {
                committing = true;
                commitOwn(positions.partitions(), () -> committing = false);
            }
        }
        lease = by;
        leaseUntilMs = nowMs + LEASE_MS;
        Optional<TopicPartition> withoutPlace = positions.withoutPlace();
        if (withoutPlace.isPresent()) {
            return illegal("The group has no offset of " + withoutPlace.get() + ", and auto.offset.reset is none.");
        }
        boolean settled = (membership == null || membership.isSettled()) && positions.areAllReadable();
        return new InstanceReply.Granted(definition, settled, positions.readable());
    }

    /** Whoever reads will not be heard of again: the next one need not wait for that, and gets what was not sent. */
    void readerGone() {
        lease = 0;
        positions.answerEnded(false);
    }

    private InstanceReply take(InstanceAction.Take take, long nowMs) {
        if (lease != take.lease()) {
            return new InstanceReply.Taken(List.of());
        }
        leaseUntilMs = nowMs + LEASE_MS;
        return new InstanceReply.Taken(positions.take(take.steps()));
    }

    private void seek(InstanceAction.Seek seek, Consumer<InstanceReply> reply) {
        for (Place place : seek.places()) {
            TopicPartition partition = place.partition().topicPartition();
            if (!positions.partitions().contains(partition)) {
                reply.accept(illegal("Partition " + partition + " is not assigned to the instance."));
                return;
            }
        }
        Map<TopicIdPartition, Long> unknown = positions.seek(seek.places());
        if (unknown.isEmpty()) {
            reply.accept(new InstanceReply.Done());
        } else {
            seeks.put(lookUp(unknown), reply);
        }
    }

    private long lookUp(Map<TopicIdPartition, Long> where) {
        long number = ++numbers;
        positions.lookUpBegins(number, where.keySet());
        work.locate(number, where);
        return number;
    }

    /**
     * Where partitions are to be read.
     *
     * @param offsets of those that were found, or {@link InstancePositions#NOWHERE}
     * @param committed which of these are known to the group
     */
    void located(long number, Map<TopicPartition, Long> offsets, Set<TopicPartition> committed, long nowMs) {
        boolean all = positions.lookUpEnded(number, offsets, committed, nowMs);
        Consumer<InstanceReply> seeker = seeks.remove(number);
        if (seeker != null) {
            seeker.accept(
                    all
                            ? new InstanceReply.Done()
                            : InstanceReply.Refused.of(
                                    HttpFailure.tryAgain("Not all partitions could be asked where they end.")));
        }
        tick(nowMs);
    }

    private boolean isJoining() {
        return membership != null && membership.epoch() <= InstanceMembership.JOIN && membership.problem() == null;
    }

    private void commit(InstanceAction.Commit commit, Consumer<InstanceReply> reply) {
        if (isJoining() && joining.size() < MOST_WAITING) {
            joining.add(new Waiting(commit, reply));
            return;
        } else if (isJoining()) {
            reply.accept(InstanceReply.Refused.of(
                    HttpFailure.tryAgain("The instance is not a member of its group at the moment.")));
            return;
        } else if (membership != null && membership.epoch() <= InstanceMembership.JOIN) {
            reply.accept(illegal(membership.problem()));
            return;
        }
        commits.asked(commit.offsets(), memberEpoch(), reply);
    }

    private int memberEpoch() {
        return membership == null ? InstanceCommits.NO_MEMBER : membership.epoch();
    }

    /** Commits by itself, if it is to and can; goes on in any case. */
    private void commitOwn(Collection<TopicPartition> partitions, Runnable then) {
        boolean can = membership == null || membership.epoch() > InstanceMembership.JOIN;
        if (can && definition.autoCommit()) {
            commits.unasked(partitions, memberEpoch(), then);
        } else {
            then.run();
        }
    }

    /** @param failure null when all is committed */
    void committed(long number, HttpFailure failure, long nowMs) {
        commits.ended(number, failure);
        tick(nowMs);
    }

    void heartbeatAnswered(long of, ConsumerGroupHeartbeatResponseData answer, long nowMs) {
        if (membership != null && of == membershipNumber) {
            assigned(membership.answered(answer, nowMs), nowMs);
            tick(nowMs);
        }
    }

    void heartbeatFailed(long of, long nowMs) {
        if (membership != null && of == membershipNumber) {
            membership.failed(nowMs);
        }
    }

    private void assigned(InstanceMembership.Change change, long nowMs) {
        positions.remove(change.lost());
        positions.add(change.added());
        if (!change.revoked().isEmpty()) {
            InstanceMembership of = membership;
            positions.revoke(change.revoked());
            commitOwn(change.revoked(), () -> {
                if (of == membership) {
                    positions.remove(change.revoked());
                    of.gaveUp(change.revoked(), nowMs);
                }
            });
        }
    }

    /** When there is something to be done next, unless something happens before. */
    long dueMs() {
        long due = definition == null ? Long.MAX_VALUE : usedMs + timeoutMs;
        if (membership != null) {
            due = Math.min(due, membership.dueMs());
        }
        return Math.min(due, positions.dueMs());
    }

    /** Does what time asks for. */
    void tick(long nowMs) {
        if (!joining.isEmpty() && !isJoining()) {
            List<Waiting> all = List.copyOf(joining);
            joining.clear();
            all.forEach(one -> on(one.action(), one.reply(), nowMs));
        }
        if (definition == null || ended) {
            return;
        }
        if (nowMs >= usedMs + timeoutMs && !changing) {
            // In case that it cannot be stored.
            usedMs = nowMs - timeoutMs + EXPIRY_RETRY_MS;
            delete(none -> {});
            return;
        }
        if (membership != null) {
            assigned(membership.resolve(nowMs), nowMs);
            ConsumerGroupHeartbeatRequestData heartbeat = membership.due(nowMs);
            if (heartbeat != null) {
                work.heartbeat(membershipNumber, heartbeat);
            }
        }
        renew();
        Map<TopicIdPartition, Long> unknown = positions.toBeLocated(nowMs);
        if (!unknown.isEmpty()) {
            lookUp(unknown);
        }
    }
}
