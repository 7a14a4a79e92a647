package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.it.WrittenValues.Delivery;
import io.troupe.it.WrittenValues.Read;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** One bad history for each thing that the check must find. */
class WrittenValuesTest {

    @Test
    void whatWasAcknowledgedIsThereOnceAndInOrder() {
        assertEquals(List.of(), written(Delivery.ONCE).anomalies(read("w-0", "w-2", "w-4")));
    }

    @Test
    void whatWasNotAcknowledgedMayBeThereOrNot() {
        WrittenValues values = written(Delivery.ONCE);
        int unknown = values.next();
        values.failed(unknown, "no answer");
        assertEquals(List.of(), values.anomalies(read("w-0", "w-2", "w-4")));
        assertEquals(List.of(), values.anomalies(read("w-0", "w-2", "w-4", "w-6")));
        assertEquals(List.of("w-6: no answer"), values.failures());
    }

    @Test
    void otherWritersValuesAreNotJudged() {
        assertEquals(
                List.of(),
                written(Delivery.ONCE).anomalies(Map.of(1, List.of(new Read(0, "x-0")))).stream()
                        .filter(a -> !a.startsWith("acknowledged and lost"))
                        .toList());
    }

    @Test
    void lost() {
        expect("acknowledged and lost: 1, first [0@1 w-2]", Delivery.ONCE, "w-0", "w-4");
        expect("acknowledged and lost: 1, first [0@2 w-4]", Delivery.AT_LEAST_ONCE, "w-0", "w-2");
    }

    @Test
    void twice() {
        expect("twice: 1, first [0@3 w-4]", Delivery.ONCE, "w-0", "w-2", "w-4", "w-4");
    }

    @Test
    void aRetryWithoutIdempotenceMayRepeatValues() {
        assertEquals(
                List.of(), written(Delivery.AT_LEAST_ONCE).anomalies(read("w-0", "w-2", "w-4", "w-0", "w-2", "w-4")));
    }

    @Test
    void outOfOrder() {
        expect("behind a later one: 1, first [0@2 w-2]", Delivery.ONCE, "w-0", "w-4", "w-2");
        expect("behind a later one: 1, first [0@3 w-2]", Delivery.AT_LEAST_ONCE, "w-0", "w-4", "w-4", "w-2");
    }

    @Test
    void atAnotherOffsetThanTold() {
        expect("not at the offset that was told, 2: 1, first [0@3 w-4]", Delivery.ONCE, "w-0", "w-2", "x-1", "w-4");
    }

    @Test
    void neverWritten() {
        expect("never written there: 1, first [0@3 w-6]", Delivery.ONCE, "w-0", "w-2", "w-4", "w-6");
        expect("never written there: 1, first [0@3 w-1]", Delivery.ONCE, "w-0", "w-2", "w-4", "w-1");
    }

    private static void expect(String anomaly, Delivery delivery, String... records) {
        List<String> found = written(delivery).anomalies(read(records));
        assertTrue(found.contains(anomaly), found::toString);
    }

    /** w-0, w-2 and w-4 at offsets 0, 1 and 2 of partition 0, and two values in partition 1. */
    private static WrittenValues written(Delivery delivery) {
        WrittenValues values = new WrittenValues("w", 2, delivery);
        for (int i = 0; i < 6; i++) {
            int number = values.next();
            if (number < 5) {
                values.acknowledged(number, number / 2);
            }
        }
        return values;
    }

    private static Map<Integer, List<Read>> read(String... values) {
        List<Read> records = new ArrayList<>();
        for (String value : values) {
            records.add(new Read(records.size(), value));
        }
        return Map.of(0, records);
    }
}
