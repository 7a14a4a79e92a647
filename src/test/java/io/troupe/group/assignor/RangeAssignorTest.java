package io.troupe.group.assignor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** KIP-848, "Server side assignors": range, as it is since Kafka 4.0. */
class RangeAssignorTest {
    private final Assigned group = new Assigned(new RangeAssignor());

    private Assigned members(int count, Integer... topics) {
        for (int m = 0; m < count; m++) {
            group.join("member-" + m, ids(topics));
        }
        return group;
    }

    private static Set<Uuid> ids(Integer... topics) {
        return Set.of(List.of(topics).stream().map(Assigned::topic).toArray(Uuid[]::new));
    }

    @Test
    void theFirstGetOneMore() {
        members(3, 0).topic(0, 4).assign();
        assertEquals(List.of(Set.of(0, 1), Set.of(2), Set.of(3)), group.of(0));
    }

    @Test
    void theLastOfTooManyMembersHaveNone() {
        members(6, 0).topic(0, 4).assign();
        assertEquals(List.of(1, 1, 1, 1, 0, 0), group.loads());
    }

    @Test
    void topicsWithAsManyPartitionsAreCutAlike() {
        members(2, 0, 1).topic(0, 3).topic(1, 3).assign();
        assertEquals(List.of(Set.of(0, 1), Set.of(2)), group.of(0));
        assertEquals(group.of(0), group.of(1));
    }

    @Test
    void eachTopicCountsItsOwnSubscribers() {
        group.topic(0, 3).topic(1, 3);
        group.join("a", ids(0)).join("b", ids(0, 1)).join("c", ids(1)).assign();
        assertEquals(List.of(Set.of(0, 1), Set.of(2), Set.of()), group.of(0));
        assertEquals(List.of(Set.of(), Set.of(0, 1), Set.of(2)), group.of(1));
    }

    /** A restarted static member has a new id but stands where it stood. */
    @Test
    void staticMembersStandFirstByInstanceId() {
        group.topic(0, 3);
        group.join("a", null, ids(0))
                .join("b", "instance-2", ids(0))
                .join("c", "instance-1", ids(0))
                .assign();
        assertEquals(List.of(Set.of(2), Set.of(1), Set.of(0)), group.of(0));
        group.members.remove("c");
        group.join("z", "instance-1", ids(0)).assign();
        assertEquals(Set.of(0), group.members.get("z").target().get(Assigned.topic(0)));
    }

    @Test
    void whatNobodyKnowsIsLeftOut() {
        members(2, 0, 1).topic(0, 2).assign();
        assertEquals(List.of(1, 1), group.loads());
        assertEquals(Map.of(), new RangeAssignor().assign(List.of(), topic -> 1));
    }

    @Test
    void itIsTheSameWhateverWas() {
        Random random = new Random(1);
        for (int round = 0; round < 200; round++) {
            group.topic(random.nextInt(5), random.nextInt(20));
            Integer[] topics = IntStream.range(0, 5)
                    .filter(t -> random.nextBoolean())
                    .boxed()
                    .toArray(Integer[]::new);
            group.join("member-" + random.nextInt(12), ids(topics));
            group.assign();
            Assigned anew = new Assigned(new RangeAssignor());
            anew.topics.putAll(group.topics);
            List<String> order = new ArrayList<>(group.members.keySet());
            Collections.shuffle(order, random);
            order.forEach(m -> anew.join(m, group.members.get(m).subscribedTopicIds()));
            anew.assign();
            for (int t = 0; t < 5; t++) {
                assertEquals(anew.of(t), group.of(t));
            }
        }
    }
}
