package io.troupe.group.assignor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToIntFunction;
import org.apache.kafka.common.Uuid;

/**
 * Who may own what, in numbers. Partitions of all topics are numbered through as <em>units</em>. Topics that the very same
 * members are subscribed to form a <em>class</em>, for their units may be exchanged freely; a group whose members all have the
 * same subscription has one class, however many topics. Immutable.
 */
final class Subscriptions {
    private final Map<Uuid, Integer> topicNumbers = new HashMap<>();
    private final Uuid[] topics;
    /** By topic number: its first unit; one entry more for the end. */
    private final int[] firstUnit;
    /** By topic number. */
    private final int[] classOfTopic;
    /** By member number: its classes, ascending. */
    private final int[][] classesOfMember;
    /** By class: members, ascending. */
    private final int[][] membersOfClass;
    /** By class: topic numbers, ascending. */
    private final int[][] topicsOfClass;

    Subscriptions(List<PartitionAssignor.Member> members, ToIntFunction<Uuid> partitions) {
        List<Set<Uuid>> distinct = new ArrayList<>();
        int[] subscriptionOfMember = distinct(members, distinct);

        Set<Uuid> all = new TreeSet<>();
        distinct.forEach(all::addAll);
        all.removeIf(topic -> partitions.applyAsInt(topic) <= 0);
        topics = all.toArray(new Uuid[0]);
        firstUnit = new int[topics.length + 1];
        for (int t = 0; t < topics.length; t++) {
            topicNumbers.put(topics[t], t);
            firstUnit[t + 1] = Math.addExact(firstUnit[t], partitions.applyAsInt(topics[t]));
        }

        BitSet[] subscriptionsOfTopic = new BitSet[topics.length];
        Arrays.setAll(subscriptionsOfTopic, t -> new BitSet());
        for (int s = 0; s < distinct.size(); s++) {
            for (Uuid topic : distinct.get(s)) {
                Integer t = topicNumbers.get(topic);
                if (t != null) {
                    subscriptionsOfTopic[t].set(s);
                }
            }
        }
        Map<BitSet, Integer> classes = new HashMap<>();
        classOfTopic = new int[topics.length];
        for (int t = 0; t < topics.length; t++) {
            classOfTopic[t] = classes.computeIfAbsent(subscriptionsOfTopic[t], subscriptions -> classes.size());
        }
        topicsOfClass = inverse(classOfTopic, classes.size());

        int[][] membersOfSubscription = inverse(subscriptionOfMember, distinct.size());
        Ints[] classesOfSubscription = Ints.lists(distinct.size());
        membersOfClass = new int[classes.size()][];
        for (int c = 0; c < classes.size(); c++) {
            Ints of = new Ints();
            BitSet subscriptions = subscriptionsOfTopic[topicsOfClass[c][0]];
            for (int s = subscriptions.nextSetBit(0); s >= 0; s = subscriptions.nextSetBit(s + 1)) {
                classesOfSubscription[s].add(c);
                of.addAll(membersOfSubscription[s]);
            }
            membersOfClass[c] = of.toArray();
            Arrays.sort(membersOfClass[c]);
        }
        classesOfMember = new int[members.size()][];
        int[][] shared = Ints.toArrays(classesOfSubscription);
        Arrays.setAll(classesOfMember, m -> shared[subscriptionOfMember[m]]);
    }

    /** Numbers for the subscriptions of members; which of them are equal is asked only of different instances. */
    private static int[] distinct(List<PartitionAssignor.Member> members, List<Set<Uuid>> distinct) {
        Map<Set<Uuid>, Integer> byInstance = new IdentityHashMap<>();
        Map<Set<Uuid>, Integer> byValue = new HashMap<>();
        int[] numbers = new int[members.size()];
        for (int m = 0; m < numbers.length; m++) {
            numbers[m] = byInstance.computeIfAbsent(
                    members.get(m).subscribedTopicIds(),
                    instance -> byValue.computeIfAbsent(instance, subscription -> {
                        distinct.add(subscription);
                        return distinct.size() - 1;
                    }));
        }
        return numbers;
    }

    /** By value: where it stands, ascending. */
    private static int[][] inverse(int[] values, int count) {
        Ints[] lists = Ints.lists(count);
        for (int i = 0; i < values.length; i++) {
            lists[values[i]].add(i);
        }
        return Ints.toArrays(lists);
    }

    int units() {
        return firstUnit[topics.length];
    }

    int classes() {
        return membersOfClass.length;
    }

    /** Ascending; not to be written. */
    int[] membersOf(int classNumber) {
        return membersOfClass[classNumber];
    }

    /** Ascending; not to be written. */
    int[] classesOf(int member) {
        return classesOfMember[member];
    }

    /** Where a class stands among those of a member; negative when the member is not subscribed to it. */
    int slot(int member, int classNumber) {
        return Arrays.binarySearch(classesOfMember[member], classNumber);
    }

    /** Ascending; not to be written. */
    int[] topicsOf(int classNumber) {
        return topicsOfClass[classNumber];
    }

    /** -1 when nobody is subscribed to it, or there is no such topic. */
    int topicNumber(Uuid topic) {
        return topicNumbers.getOrDefault(topic, -1);
    }

    int topicOf(int unit) {
        int found = Arrays.binarySearch(firstUnit, unit);
        return found >= 0 ? found : -found - 2;
    }

    Uuid topicId(int topic) {
        return topics[topic];
    }

    int classOf(int topic) {
        return classOfTopic[topic];
    }

    /** The first unit of a topic; of the number after the last topic's: the end of all. */
    int firstUnit(int topic) {
        return firstUnit[topic];
    }
}
