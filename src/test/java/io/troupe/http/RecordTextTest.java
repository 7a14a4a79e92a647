package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.troupe.record.PlainRecord;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import org.apache.pekko.util.ByteString;
import org.junit.jupiter.api.Test;

/** Records as consumers get them (REST Proxy v2). */
class RecordTextTest {
    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(RecordFormat format, PlainRecord record) {
        return new RecordText(format, 0).record("t", 3, record).toByteString().utf8String();
    }

    @Test
    void aRecordHasItsFieldsInOrder() {
        assertEquals(
                "{\"topic\":\"t\",\"key\":null,\"value\":{\"a\": 1},\"partition\":3,\"offset\":120,\"timestamp\":9,\"headers\":[]}",
                text(RecordFormat.JSON, new PlainRecord(120, 9, null, utf8("{\"a\": 1}"), List.of())));
    }

    @Test
    void binaryIsBase64AndHeadersAlwaysAre() {
        assertEquals(
                "{\"topic\":\"t\",\"key\":\"AA==\",\"value\":\"/+9h\",\"partition\":3,\"offset\":0,\"timestamp\":-1,"
                        + "\"headers\":[{\"name\":\"h\",\"value\":\"aA==\"},{\"name\":\"\\\"ä\",\"value\":null}]}",
                text(
                        RecordFormat.BINARY,
                        new PlainRecord(
                                0,
                                -1,
                                new byte[1],
                                new byte[] {-1, -17, 'a'},
                                List.of(new PlainRecord.Header("h", utf8("h")), new PlainRecord.Header("\"ä", null)))));
    }

    @Test
    void textIsQuotedAsAGeneratorOfJsonWould() {
        StringBuilder all = new StringBuilder("ä€😀");
        for (char c = 0; c < 0x180; c++) {
            all.append(c);
        }
        String quoted = new String(JsonStringEncoder.getInstance().quoteAsString(all.toString()));
        PlainRecord record = new PlainRecord(1, 2, null, utf8(all.toString()), List.of());
        assertEquals(
                "{\"topic\":\"t\",\"key\":null,\"value\":\"" + quoted
                        + "\",\"partition\":3,\"offset\":1,\"timestamp\":2,\"headers\":[]}",
                text(RecordFormat.TEXT, record));
    }

    @Test
    void numbersAreWholeFromTheLeastToTheMost() {
        for (long number : new long[] {0, 9, 10, 99, 100, 1_000_000_007, Long.MAX_VALUE, Long.MIN_VALUE, -1}) {
            String text = text(RecordFormat.TEXT, new PlainRecord(number, number, null, null, List.of()));
            assertEquals(
                    "{\"topic\":\"t\",\"key\":null,\"value\":null,\"partition\":3,\"offset\":" + number
                            + ",\"timestamp\":" + number + ",\"headers\":[]}",
                    text);
        }
    }

    @Test
    void whatIsPutInNeedsNoRoomBefore() {
        String large = "[" + "1,".repeat(20_000) + "1]";
        PlainRecord record = new PlainRecord(0, 0, utf8("2"), utf8(large), List.of());
        String one = text(RecordFormat.JSON, record);
        assertTrue(one.contains("\"key\":2,\"value\":" + large + ",\"partition\""), one);
        String two = new RecordText(RecordFormat.JSON, 10)
                .record("t", 3, record)
                .record("t", 3, record)
                .toByteString()
                .utf8String();
        assertEquals(one + one, two);
    }

    /** Server-sent events have a line each. */
    @Test
    void lineBreaksBecomeBlanksFromAPlaceOn() {
        RecordText text = new RecordText(RecordFormat.JSON, 0).add(RecordText.ascii("a\nb"));
        int from = text.length();
        text.add(RecordText.ascii("[1,\r\n2]")).onOneLine(from);
        assertEquals("a\nb[1,  2]", text.toByteString().utf8String());
    }

    /** To grow costs more than the text: another array twice as long. */
    @Test
    void thereIsRoomForRecordsFromTheStart() {
        for (RecordFormat format : RecordFormat.values()) {
            for (String topic : List.of("t", "t".repeat(249))) {
                PlainRecord record = new PlainRecord(1L << 50, 1L << 41, null, utf8("1".repeat(1000)), List.of());
                int text =
                        new RecordText(format, 0).record(topic, 100_000, record).length();
                int expected = RecordText.expectedBytes(format, topic.length(), record.sizeInBytes(), 1, 1 << 20);
                assertTrue(text <= expected && expected < text + 100, text + " and " + expected);
            }
        }
    }

    /** A control character takes six bytes: 80 readers of such records who read nothing had ended a broker with a heap of 256 MB. */
    @Test
    void aStepIsCountedWithItsText() {
        for (RecordFormat format : RecordFormat.values()) {
            byte[] value = format == RecordFormat.JSON ? utf8("[" + "1,".repeat(20_000) + "1]") : new byte[40_000];
            List<PlainRecord> one = List.of(new PlainRecord(0, 0, null, value, List.of()));
            // What there is for every record is part of what it counts for itself.
            long text = new RecordText(format, 0).record("t", 0, one.get(0)).length() - 200;
            long held = RecordText.heldBytes(format, 5, one);
            assertTrue(held >= value.length + 2 * text, () -> format + ": " + held);
        }
    }

    /** Ten streams of a topic, of records with as many empty headers as there may be, had ended a broker with a heap of 256 MB. */
    @Test
    void headersAndSmallRecordsAreCountedAsTheyAreInMemory() {
        String topic = "t".repeat(249);
        List<PlainRecord.Header> headers = Collections.nCopies(1000, new PlainRecord.Header("", new byte[0]));
        for (PlainRecord record : List.of(
                new PlainRecord(1L << 50, 1L << 41, null, new byte[0], headers),
                new PlainRecord(1L << 50, 1L << 41, null, new byte[0], List.of()),
                new PlainRecord(
                        0, 0, null, null, List.of(new PlainRecord.Header("\u0001".repeat(1000), new byte[1000]))))) {
            for (RecordFormat format : RecordFormat.values()) {
                long text =
                        new RecordText(format, 0).record(topic, 100_000, record).length();
                long objects = 100L * (1 + record.headers().size());
                long held = RecordText.heldBytes(format, topic.length(), List.of(record));
                assertTrue(held >= objects + 2 * text, () -> format + ": " + held + " and " + text);
            }
        }
    }

    @Test
    void aLongTextGoesInCopiesOfItsParts() {
        ByteString text = ByteString.fromString("0123456789".repeat(100_000));
        ByteString joined = ByteString.emptyByteString();
        int most = 0;
        for (ByteString piece : RecordText.pieces(text)) {
            joined = joined.concat(piece);
            most = Math.max(most, piece.size());
        }
        assertEquals(text, joined);
        assertEquals(64 << 10, most);
    }

    @Test
    void aUsualTextGoesAsItIs() {
        ByteString text = ByteString.fromString("[]");
        assertEquals(List.of(text), RecordText.pieces(text));
    }
}
