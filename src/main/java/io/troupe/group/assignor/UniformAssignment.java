package io.troupe.group.assignor;

import io.troupe.group.assignor.PartitionAssignor.Member;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToIntFunction;
import org.apache.kafka.common.Uuid;

/**
 * One run of {@link UniformAssignor}, in its steps' order. Members and partitions are numbers here, see {@link Subscriptions}.
 *
 * <p>Balance is reached by moves along chains: the least loaded member takes from one that takes from another, and so on, up
 * to the nearest that has two more than the first, so that only the ends' loads change. When nobody has such a chain, no
 * assignment is more balanced (this is optimal semi-matching: a shorter way to a flow of least cost).
 *
 * <p>Costs, with M members and P partitions: M + P to read what was, then for each partition that moves the edges between
 * members and classes of topics that are on the way; with one subscription for all, M.
 */
final class UniformAssignment {
    /** Edges looked at before balance is given up for this time; some tenths of a second. */
    private static final long MAX_STEPS = 100_000_000;

    private final List<Member> members;
    private final Subscriptions subscriptions;
    /** By member and slot of the class (see {@link Subscriptions#slot}); null for none. */
    private final Units[][] held;
    /** By member: units held. */
    private final int[] load;
    /** By member: whether what it holds may differ from its former target. */
    private final boolean[] changed;

    private final BitSet owned = new BitSet();
    /**
     * What one member keeps: the first unit of each of its topics, then of each the second and so on, so that whoever takes some of
     * it takes of all topics. Rank in the high half, unit in the low one.
     */
    private long[] ranked = new long[16];
    /** So many kept units were taken from anybody. */
    private int turn;

    UniformAssignment(Collection<Member> given, ToIntFunction<Uuid> partitions) {
        members = new ArrayList<>(given);
        members.sort(Comparator.comparing(Member::memberId));
        subscriptions = new Subscriptions(members, partitions);
        held = new Units[members.size()][];
        Arrays.setAll(held, m -> new Units[subscriptions.classesOf(m).length]);
        load = new int[members.size()];
        changed = new boolean[members.size()];
    }

    /** What a member holds of one class. */
    private static final class Units {
        final Ints units = new Ints();
        /** So many of them, the first, it had before. */
        int kept;
    }

    /** Everybody keeps what is still there, what it is still subscribed to, and what nobody before it kept. */
    void keep() {
        for (int m = 0; m < members.size(); m++) {
            int kept = 0;
            for (Map.Entry<Uuid, Set<Integer>> entry : members.get(m).target().entrySet()) {
                int topic = subscriptions.topicNumber(entry.getKey());
                boolean subscribed = topic >= 0 && subscriptions.slot(m, subscriptions.classOf(topic)) >= 0;
                changed[m] |= !subscribed || entry.getValue().isEmpty();
                if (subscribed) {
                    kept = keep(m, topic, entry.getValue(), kept);
                }
            }
            Arrays.sort(ranked, 0, kept);
            for (int i = 0; i < kept; i++) {
                int unit = (int) ranked[i];
                int classNumber = subscriptions.classOf(subscriptions.topicOf(unit));
                add(m, classNumber, unit);
                held[m][subscriptions.slot(m, classNumber)].kept++;
            }
        }
    }

    /** Adds to the units of a member that are ranked already; returns how many there are then. */
    private int keep(int member, int topic, Set<Integer> partitions, int already) {
        int first = subscriptions.firstUnit(topic);
        int end = subscriptions.firstUnit(topic + 1);
        int kept = already;
        long rank = 0;
        for (int partition : ascending(partitions)) {
            int unit = first + partition;
            if (partition < 0 || partition >= end - first || owned.get(unit)) {
                changed[member] = true;
            } else {
                owned.set(unit);
                if (kept == ranked.length) {
                    ranked = Arrays.copyOf(ranked, 2 * kept);
                }
                ranked[kept++] = rank++ << 32 | unit;
            }
        }
        return kept;
    }

    private static int[] ascending(Set<Integer> partitions) {
        int[] sorted = new int[partitions.size()];
        int size = 0;
        for (int partition : partitions) {
            sorted[size++] = partition;
        }
        Arrays.sort(sorted);
        return sorted;
    }

    /** What nobody owns goes to those who have least; topics with few subscribers first, for they have least choice. */
    void handOut() {
        Integer[] classes = new Integer[subscriptions.classes()];
        Arrays.setAll(classes, c -> c);
        Arrays.sort(classes, Comparator.comparing(c -> subscriptions.membersOf(c).length));
        for (int c : classes) {
            PriorityQueue<Long> byLoad = new PriorityQueue<>();
            for (int topic : subscriptions.topicsOf(c)) {
                int end = subscriptions.firstUnit(topic + 1);
                for (int unit = owned.nextClearBit(subscriptions.firstUnit(topic));
                        unit < end;
                        unit = owned.nextClearBit(unit + 1)) {
                    if (byLoad.isEmpty()) {
                        for (int m : subscriptions.membersOf(c)) {
                            byLoad.add(loaded(m));
                        }
                    }
                    int least = (int) (long) byLoad.remove();
                    add(least, c, unit);
                    changed[least] = true;
                    byLoad.add(loaded(least));
                }
            }
        }
        owned.set(0, subscriptions.units());
    }

    /** Orders members by load, then number. */
    private long loaded(int member) {
        return (long) load[member] << 32 | member;
    }

    void balance() {
        Chains chains = new Chains();
        PriorityQueue<Long> byLoad = new PriorityQueue<>();
        for (int m = 0; m < members.size(); m++) {
            byLoad.add(loaded(m));
        }
        int most = mostLoad();
        while (!byLoad.isEmpty() && chains.steps < MAX_STEPS) {
            long least = byLoad.remove();
            int member = (int) least;
            if (chains.settled[member] || least != loaded(member)) {
                continue;
            }
            if (load[member] + 2 > most) {
                // Nobody else has less, so there is nobody to take from.
                break;
            }
            int giver = chains.find(member);
            if (giver >= 0) {
                chains.move(giver, member);
                byLoad.add(loaded(giver));
                byLoad.add(loaded(member));
                most = mostLoad();
            }
        }
    }

    private int mostLoad() {
        int most = 0;
        for (int m = 0; m < members.size(); m++) {
            most = Math.max(most, load[m]);
        }
        return most;
    }

    /** The search for whom a member could take from. */
    private final class Chains {
        /**
         * Members that no chain will touch any more. When nobody is found for the least loaded member, of load L, then all
         * whom the search has seen have L + 1 at most, and whoever searches later has no less than L.
         */
        final boolean[] settled = new boolean[members.size()];

        long steps;
        private int search;
        /** By member and class: the last search that saw it. */
        private final int[] seen = new int[members.size()];

        private final int[] seenClass = new int[subscriptions.classes()];
        /** By member seen: to whom it would give, and of which class. */
        private final int[] to = new int[members.size()];

        private final int[] of = new int[members.size()];

        /** The most loaded of the nearest that have two more than the member; -1 for none, and then all seen are settled. */
        int find(int member) {
            search++;
            seen[member] = search;
            Ints all = new Ints();
            all.add(member);
            int giver = -1;
            for (int i = 0, end = 1; i < all.size() && giver < 0; end = all.size()) {
                for (; i < end; i++) {
                    giver = look(all.get(i), all, giver, load[member] + 2);
                }
            }
            for (int i = 0; giver < 0 && i < all.size(); i++) {
                settled[all.get(i)] = true;
            }
            return giver;
        }

        /** Adds whoever could give to a member; returns the most loaded giver so far. */
        private int look(int member, Ints all, int giver, int least) {
            int most = giver;
            for (int c : subscriptions.classesOf(member)) {
                if (seenClass[c] == search) {
                    continue;
                }
                seenClass[c] = search;
                steps += subscriptions.membersOf(c).length;
                for (int m : subscriptions.membersOf(c)) {
                    if (seen[m] != search && !settled[m] && has(m, c)) {
                        seen[m] = search;
                        to[m] = member;
                        of[m] = c;
                        all.add(m);
                        if (load[m] >= least && (most < 0 || load[m] > load[most])) {
                            most = m;
                        }
                    }
                }
            }
            return most;
        }

        void move(int giver, int taker) {
            for (int m = giver; m != taker; m = to[m]) {
                add(to[m], of[m], take(m, of[m]));
                changed[m] = true;
            }
            changed[taker] = true;
        }
    }

    private boolean has(int member, int classNumber) {
        Units units = held[member][subscriptions.slot(member, classNumber)];
        return units != null && units.units.size() > 0;
    }

    private void add(int member, int classNumber, int unit) {
        int slot = subscriptions.slot(member, classNumber);
        if (held[member][slot] == null) {
            held[member][slot] = new Units();
        }
        held[member][slot].units.add(unit);
        load[member]++;
    }

    /** What came last goes first, for it moves anyway; then what was kept, in turn, so that it is not always the same topic. */
    private int take(int member, int classNumber) {
        Units units = held[member][subscriptions.slot(member, classNumber)];
        int size = units.units.size();
        int unit;
        if (size > units.kept) {
            unit = units.units.take(size - 1);
        } else {
            unit = units.units.take(turn++ % size);
            units.kept--;
        }
        load[member]--;
        return unit;
    }

    Map<String, Map<Uuid, Set<Integer>>> result() {
        Map<String, Map<Uuid, Set<Integer>>> result = new HashMap<>();
        for (int m = 0; m < members.size(); m++) {
            Member member = members.get(m);
            result.put(member.memberId(), changed[m] ? target(m) : member.target());
        }
        return result;
    }

    private Map<Uuid, Set<Integer>> target(int member) {
        Ints all = new Ints();
        for (Units units : held[member]) {
            if (units != null) {
                all.addAll(units.units.toArray());
            }
        }
        int[] units = all.toArray();
        Arrays.sort(units);
        Map<Uuid, Set<Integer>> target = new TreeMap<>();
        for (int i = 0; i < units.length; ) {
            int topic = subscriptions.topicOf(units[i]);
            int from = i;
            while (i < units.length && units[i] < subscriptions.firstUnit(topic + 1)) {
                i++;
            }
            int first = subscriptions.firstUnit(topic);
            target.put(
                    subscriptions.topicId(topic),
                    new PartitionSet(Arrays.stream(units, from, i)
                            .map(unit -> unit - first)
                            .toArray()));
        }
        Map<Uuid, Set<Integer>> former = members.get(member).target();
        return target.equals(former) ? former : target;
    }
}
