package io.troupe.group.assignor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.TopicImage;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** KIP-848, SubscribedTopicRegex. */
class TopicRegexesTest {
    private final TopicRegexes regexes = new TopicRegexes();
    private MetadataImage image = MetadataImage.empty();

    private void create(String... topics) {
        for (String topic : topics) {
            apply(new MetadataEvent.TopicCreated(new TopicImage(topic, id(topic), List.of(), Map.of())));
        }
    }

    private void apply(MetadataEvent event) {
        image = image.apply(image.index() + 1, event);
    }

    private static Uuid id(String topic) {
        return new Uuid(1, topic.hashCode());
    }

    private static String complaint(String regex) {
        return assertThrows(IllegalArgumentException.class, () -> TopicRegexes.check(regex))
                .getMessage();
    }

    @Test
    void wholeNamesMatch() {
        create("orders", "orders-eu", "old-orders", "Orders");
        assertEquals(List.of("orders"), regexes.matching("orders", image));
        assertEquals(List.of("orders", "orders-eu"), regexes.matching("orders.*", image));
        assertEquals(List.of("Orders", "orders"), regexes.matching("(?i)ORDERS", image));
        assertEquals(List.of(), regexes.matching("none", image));
    }

    @Test
    void internalTopicsMatchNothing() {
        create("a", "__consumer_offsets", "__transaction_state", "__mine");
        assertEquals(List.of("__mine", "a"), regexes.matching(".*", image));
    }

    @Test
    void topicsComeAndGo() {
        create("a1", "b1");
        assertEquals(List.of("a1"), regexes.matching("a.", image));
        create("a2", "b2");
        assertEquals(List.of("a1", "a2"), regexes.matching("a.", image));
        apply(new MetadataEvent.TopicDeleted(id("a1")));
        assertEquals(List.of("a2"), regexes.matching("a.", image));
    }

    @Test
    void whatStaysIsTheSameInstance() {
        create("a1");
        List<String> first = regexes.matching("a.", image);
        create("b1");
        assertSame(first, regexes.matching("a.", image));
        apply(new MetadataEvent.TopicConfigsChanged(id("b1"), Map.of("retention.ms", "1")));
        assertSame(first, regexes.matching("a.", image));
    }

    @Test
    void whatIsNoExpressionIsRefusedWithTheReason() {
        assertEquals("The subscription `a(b` is not a valid regular expression: missing closing ).", complaint("a(b"));
        assertTrue(complaint("a**").contains("invalid nested repetition"), complaint("a**"));
        // RE2 has no look-around and no back references, which could take time exponential in the name.
        assertTrue(complaint("(?!a)b").contains("invalid"), complaint("(?!a)b"));
        assertTrue(complaint("(a)\\1").contains("invalid escape"), complaint("(a)\\1"));
        create("a");
        assertEquals(List.of(), regexes.matching("a(b", image));
    }

    @Test
    void whatWouldCostTooMuchIsRefused() {
        assertTrue(complaint("a".repeat(TopicRegexes.MAX_LENGTH + 1)).contains("longer than 4096"));
        assertTrue(complaint("(".repeat(3000) + "a" + ")*".repeat(500)).contains("more than 250 groups"));
        // Would be compiled to ten million instructions.
        assertTrue(complaint("((a{1000}){1000}){10}").contains("too large"));
        assertTrue(complaint("(a{1000}){6}").contains("too large"));
        TopicRegexes.check("(a|".repeat(TopicRegexes.MAX_GROUPS) + "a" + ")*".repeat(TopicRegexes.MAX_GROUPS));
        TopicRegexes.check("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    }
}
